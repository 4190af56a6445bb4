-- An entry that a leaving worker holds and has not begun goes to the consumer `handed`, which has no
-- lease, and so to the next worker that looks. Appended to prelude.lua.
--
-- KEYS  1 webhooks
-- ARGV  1 consumer  2 entry
if owner_of(ARGV[2]) == ARGV[1] then
    give_to('handed', ARGV[2])
end
return 'released'
