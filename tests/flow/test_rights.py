"""The rights of Redis' users are those that the code needs, no less and no more: each command of each
program's C and Lua is allowed to its user of compose (users.acl.in), each right there is used by
a command, and rights.lua (--check-config --online, doctor) asks for the worker's."""

import re
import subprocess

import pytest

from stack import REPOSITORY, build_folder
from test_redis_settings import user_of_compose

# Sent only if something is configured that compose does not configure, or refused without harm.
NOT_GRANTED = {"auth", "select", "sentinel|get-master-addr-by-name", "cluster|slots", "config|get"}
# What rights.lua does not ask for: the programs do without these two, and EVAL is what runs it.
NOT_ASKED = NOT_GRANTED | {"info", "client|setname", "eval"}
CONTAINERS = {"client", "cluster", "config", "script", "sentinel", "xgroup", "xinfo"}
ARGUMENTS = {"get"}  # names of commands that stand in others: SET … GET
USERS = ["ingress", "worker", "audit", "caller", "board", "actions"]

# For each program its folders, and those in them that belong to other programs.
FOLDERS = {"ingress": (["ingress", "common"], []),
           "worker": (["worker", "common"], ["worker/audit", "worker/board", "worker/daily"]),
           "audit": (["worker", "common"], ["worker/board"]),
           "board": (["worker", "common"], ["worker/audit", "worker/daily"]),
           "caller": (["tests/caller", "common"], [])}
COMMANDS = REPOSITORY / "worker/audit/commands"
# Of the audit's commands, the files of those that the board runs: for everybody (--query), and with
# BOARD_ACTIONS_REDIS_URL.
OF_BOARD = {"board": {"list", "refused", "show", "stats", "stats_by", "stream_list"},
            "actions": {"cancel", "export", "operator_note", "pause", "replay", "replay_run", "show"}}


# --- what C sends ---------------------------------------------------------------------------------

def is_below(path, folders):
    return any(path.is_relative_to(REPOSITORY / folder) for folder in folders)


def linked_code(program):
    """The text of each C file that the linker took, without comments and the functions that it left out."""
    symbols = subprocess.run(["readelf", "-sW", build_folder() / f"dialin-{program}"], check=True,
                             capture_output=True, text=True).stdout
    files = set(re.findall(r" FILE +LOCAL +DEFAULT +ABS (\S+\.c)$", symbols, re.MULTILINE))
    functions = set(re.findall(r" FUNC +\S+ +\S+ +\S+ (\w+)$", symbols, re.MULTILINE))

    def kept(match):
        return match[0] if match[1] in functions or match[0].startswith("static") else ""
    code = {}
    of_program, of_others = FOLDERS[program]
    for path in [path for folder in of_program for path in sorted((REPOSITORY / folder).rglob("*.c"))]:
        if path.name in files and not is_below(path, of_others):
            text = re.sub(r"//.*", "", path.read_text())
            code[path] = re.sub(r"^\w[^\n;={}]*?\b(\w+)\([^;{}]*\)\n\{\n.*?^\}$", kept, text, flags=re.MULTILINE | re.DOTALL)
    assert len(code) > 10, (program, files)
    return code


def audit_for(user):
    return {path: text for path, text in linked_code("audit").items()
            if is_below(path, ["worker/audit", "common"]) and
            (not path.is_relative_to(COMMANDS) or path.stem in OF_BOARD[user])}


def code_of(user):
    if user == "audit":  # which starts the worker of a replay
        return linked_code("audit") | linked_code("worker")
    if user == "actions":
        return audit_for(user)
    return linked_code("board") | audit_for(user) if user == "board" else linked_code(user)


def name_of(command, part):
    return f"{command}|{part}".lower() if command.lower() in CONTAINERS else command.lower()


def commands_of_c(text):
    """The first word of each array of words; of a command with subcommands the second as well."""
    found = re.findall(r'(?:[{&?:]|= )\s*VIEW\("([A-Z_]+)"\)(?:,\s*VIEW\("([A-Za-z-]+)"\))?', text)
    return {name_of(*words) for words in found}


# --- what the scripts send ------------------------------------------------------------------------

def parts_of_scripts():
    text = (REPOSITORY / "worker/script/scripts.mk").read_text().replace("\\\n", " ")
    return {name: parts.split() for name, parts in re.findall(r"^parts\.(\w+) *:= *(.*)$", text, re.MULTILINE)}


def scripts_of_c(code):
    """Those that are named as SCRIPT_BEGIN, audit_script_replay() or rights_script()."""
    text = "\n".join(text for path, text in code.items() if path.name not in ("script_text.c", "audit_script.c"))
    named = re.findall(r"\bSCRIPT_([A-Z_]+)\b|\baudit_script_(\w+)\(\)|\b(rights)_script\(\)", text)
    return {name.lower() for names in named for name in names} & set(parts_of_scripts())


def commands_of_script(script):
    """Those outside functions, and in the functions that are reached from there."""
    text = "\n".join((REPOSITORY / f"worker/{part}.lua").read_text() for part in parts_of_scripts()[script])
    text = re.sub(r"--.*", "", text)
    bodies = {}

    def take(match):
        bodies[match[1]] = match[2]
        return ""
    reached = re.sub(r"^local function (\w+)\((.*?)^end$", take, text, flags=re.MULTILINE | re.DOTALL)
    while names := [name for name in bodies if re.search(rf"\b{name}\b", reached)]:
        for name in names:
            reached += bodies.pop(name)
    assert not re.search(r"redis\.p?call(?!\('[A-Za-z_]+')", reached), f"{script}: a command that is not a literal"
    return {name_of(*words) for words in re.findall(r"redis\.p?call\('(\w+)'(?:, '(\w+)')?", reached)}


# --- both against the rights ----------------------------------------------------------------------

def commands_of(client):
    known = {name.decode() for name in client.command_list()}
    assert {"xadd", "hmget"} <= known
    return known


def needed_by(user, client):
    code = code_of(user)
    known = commands_of(client)
    needed = {name for text in code.values() for name in commands_of_c(text) if name.split("|")[0] in known}
    for script in scripts_of_c(code):
        needed |= commands_of_script(script)
    return needed


def granted_to(user):
    return set(re.findall(r"\+(\S+?)(?=[\s)]|$)", " ".join(user_of_compose(user, "x"))))


@pytest.mark.parametrize("user", USERS)
def test_a_user_of_compose_may_do_what_its_program_does_and_no_more(ledger, user):
    needed = needed_by(user, ledger.client)
    assert sorted(needed - NOT_GRANTED - granted_to(user)) == [], "the program needs these"
    assert sorted(granted_to(user) - needed) == [], "no line of the program sends these"


def test_rights_lua_asks_for_what_the_worker_sends(ledger):
    text = (REPOSITORY / "worker/script/rights.lua").read_text()
    asked = re.findall(r"\{ '(\w+)'(?:, '(\w+)')?", text.split("local COMMANDS")[1])
    assert sorted(name_of(*words) for words in asked) == sorted(needed_by("worker", ledger.client) - NOT_ASKED)


def test_no_command_is_sent_in_a_form_that_this_file_does_not_see(ledger):
    """Each word in C that is a command of Redis is the first of its array, or a known argument."""
    known = commands_of(ledger.client)
    for program in FOLDERS:
        for path, text in linked_code(program).items():
            seen = {word for name in commands_of_c(text) for word in name.split("|")}
            words = {word.lower() for word in re.findall(r'VIEW\("([A-Z_]+)"\)', text)}
            assert words & known <= seen | ARGUMENTS, path
