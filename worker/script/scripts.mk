# The Lua scripts. Each is composed into build/scripts/<name>.lua: a first line with the flags that
# Redis reads, then its parts in their order, each below a line "--@ <file>" by which an error of
# Redis is traced back to file and line (script_error.c). The programs embed the composed text, and
# the linter checks it. In front of all parts stands what C and Lua both know (constants.lua.in).
#
# To add a script: name it here, and in SCRIPT_TABLE of script_text.h if the worker runs it.
SCRIPTS := begin finish admit overdue move outlook due lines renew take_over make_group \
           resume release leave trim unknown account snapshot depth sample take_events join judge rights replay forget
SCRIPTS += pause cancel newest

parts.begin      := script/prelude record/event record/call record/callback record/ending record/leaving \
                    line/turnover line/measured line/told line/pace rooms/hung_up record/begin
parts.finish     := script/prelude record/event record/call record/callback record/ending line/turnover \
                    line/measured line/told line/pace line/rejecting line/starts rooms/hung_up rooms/sessions rooms/room \
                    record/finish
parts.admit      := script/prelude line/estimate line/turnover line/admit
parts.overdue    := script/prelude line/overdue
parts.move       := script/prelude record/event line/move
parts.outlook    := script/prelude line/estimate line/rate line/outlook
parts.due        := script/prelude line/due
parts.lines      := script/prelude line/lines
parts.renew      := script/prelude stream/renew
parts.take_over  := script/prelude stream/take_over
parts.make_group := script/prelude stream/make_group
parts.resume     := script/prelude stream/resume
parts.release    := script/prelude stream/release
parts.leave      := script/prelude stream/leave
parts.trim       := script/prelude stream/trim
parts.unknown    := script/prelude record/event record/call record/callback record/ending stream/unknown
parts.account    := script/prelude stream/account
parts.snapshot   := script/prelude line/rate history/snapshot
parts.depth      := script/prelude line/depth
parts.newest     := script/prelude board/newest
parts.sample     := script/prelude stream/sample
parts.take_events := script/prelude rooms/take_events
parts.join       := script/prelude record/event record/call record/callback record/ending record/leaving \
                    rooms/hung_up rooms/sessions rooms/room rooms/abandoned line/freed rooms/join
parts.judge      := script/prelude record/event rooms/hung_up rooms/sessions rooms/room rooms/judge
parts.rights     := script/rights
parts.replay     := script/prelude record/event audit/commands/replay
parts.forget     := script/prelude audit/commands/forget
parts.pause      := script/prelude audit/commands/pause
parts.cancel     := script/prelude record/event record/call record/callback record/ending record/leaving \
                    audit/commands/cancel

# They run in a full Redis too, because what is in the stream must be served and recorded; except
# replays, which would take the room that new calls need.
$(foreach script,$(filter-out replay,$(SCRIPTS)),$(eval flags.$(script) := allow-oom))
flags.snapshot := no-writes # which EVAL_RO demands; it runs in a full Redis as well
flags.depth    := no-writes
flags.newest   := no-writes
flags.account  := no-writes
flags.outlook  := no-writes
flags.rights   := no-writes

# The headers whose macros constants.lua.in may use.
SCRIPT_CONSTANTS := common/redis/redis_keys.h common/webhook/webhook_entry.h worker/agent/retry.h \
                    worker/line/forecast.h worker/line/waited_bounds.h worker/history/agents_max.h
