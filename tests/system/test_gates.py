"""The gates of make lint: each finds its fault, in a tree that has only that fault. (scripts/prose,
scripts/log-table, scripts/spec-table, scripts/lint-c) And which build a system test runs
(pz/programs.py)."""

import json
import pathlib
import re
import shutil
import subprocess

import pytest

from pz import programs

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


class Tree:
    """A small project with the scripts in it. It is not in git: all of its files count."""

    def __init__(self, root):
        self.root = root
        for folder in ("scripts", "src", "docs"):
            (root / folder).mkdir()
        for name in ("prose", "figures", "figures-exceptions", "log-table", "spec-table"):
            shutil.copy(SCRIPTS / name, root / "scripts")
        self.write("scripts/prose-exceptions", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name):
        return (self.root / name).read_text()

    def run(self, script, *args):
        env = {"GIT_DIR": "/nonexistent", "PATH": "/usr/bin:/bin"}
        return subprocess.run(["/usr/bin/python3", f"scripts/{script}", *args], cwd=self.root, env=env,
                              capture_output=True, text=True, check=False)

    def accepts(self, script, *args):
        done = self.run(script, *args)
        assert done.returncode == 0 and done.stdout == "", (done.stdout, done.stderr)

    def refuses(self, script, text, *args):
        done = self.run(script, *(args or ("--check",)))
        assert done.returncode == 1 and text in done.stdout, (done.stdout, done.stderr)


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


# ---- scripts/prose ----

LONG = "word " * 25


def test_a_wide_line(tree):
    tree.write("README.md", f"# Title\n\n{LONG}\n")
    tree.refuses("prose", "wide README.md:3")


def test_tables_code_and_addresses_may_be_wide(tree):
    tree.write("README.md", f"| {LONG} |\n\n    {LONG}\n\n```\n{LONG}\n```\n\nhttps://example.org/{'a' * 100}\n")
    tree.accepts("prose", "--check")


def test_wrapping_keeps_the_words(tree):
    text = f"# Title\n\n* an item {LONG}\n  1. inner {LONG}- {LONG}\n\n{LONG}\n"
    tree.write("README.md", text)
    tree.accepts("prose", "--wrap", "README.md")
    assert tree.read("README.md").split() == text.split()
    tree.accepts("prose", "--check")


@pytest.mark.parametrize("name", ["README.md", "man/pzp.1", "packaging/pzpd.service"])
def test_a_word_that_is_not_plain(tree, name):
    tree.write(name, "The hub tells the device.\n")
    tree.refuses("prose", f"text {name} tells")


def test_code_may_have_any_word(tree):
    tree.write("README.md", "The function `tell` sends.\n")
    tree.accepts("prose", "--check")


def test_an_exception_stays_only_as_long_as_it_is_needed(tree):
    tree.write("README.md", "The hub tells the device.\n")
    tree.write("scripts/prose-exceptions", "text README.md tells: a test\n")
    tree.accepts("prose", "--check")
    tree.write("README.md", "The hub sends.\n")
    tree.refuses("prose", "is no exception any more")


def test_a_count_only_falls(tree):
    tree.write("README.md", "The hub tells whom it likes.\n")
    tree.write("scripts/prose-exceptions", "count text: 2\n")
    tree.accepts("prose", "--check")
    tree.write("README.md", "The hub tells.\n")
    tree.refuses("prose", "only 1 of 2 are left")
    tree.accepts("prose", "--lower")
    tree.accepts("prose", "--check")
    tree.write("README.md", "The hub tells whom it likes.\n")
    tree.refuses("prose", "text README.md whom")


def test_a_file_that_is_not_there(tree):
    tree.write("src/base/buf.c", "")
    tree.write("README.md", "`src/base/buf.c`, `base/buf.c`, `src/*/buf.c`, [here](src/base/buf.c)\n")
    tree.accepts("prose", "--check")
    for missing in ("`src/base/gone.c`", "`base/gone.c`", "[there](gone.md)"):
        tree.write("README.md", missing + "\n")
        tree.refuses("prose", "there is no such file")


# ---- scripts/log-table ----

def log_tree(tree, *calls):
    tree.write("src/condition/table.h", '\tX(FULL, "disk-full", PZP, "The disk is full.", "free some")\n')
    tree.write("src/net/one.c", "".join(f"void f(void) {{ {call} }}\n" for call in calls))
    script = tree.read("scripts/log-table")
    begin = script.index("MEANINGS = {")  # those of the project's own lines
    tree.write("scripts/log-table", script[:begin] + "MEANINGS = {\n}\n" + script[script.index("\n}\n", begin) + 3:])


def test_the_page_of_log_lines(tree):
    log_tree(tree, 'pz_notice("link-lost", "device=%s the link has ended: %s", d, why);')
    tree.refuses("log-table", "out of date")
    tree.accepts("log-table")
    assert "| `link-lost` | notice | the link has ended: … (`device`) | `net` |" in tree.read("docs/log.md")
    tree.accepts("log-table", "--check")


@pytest.mark.parametrize("other", ['pz_notice("link-lost", "zone=%s is gone", z);',
                                   'pz_error("link-lost", "device=%s the link has ended", d);'])
def test_an_id_for_two_messages(tree, other):
    log_tree(tree, 'pz_notice("link-lost", "device=%s the link has ended", d);', other)
    tree.refuses("log-table", "names another message")


def test_the_same_message_at_two_places(tree):
    log_tree(tree, 'pz_notice("link-lost", "device=%s the link has ended", d);',
             'pz_notice("link-lost", "remote=%s the link has ended", r);')
    tree.accepts("log-table")


def test_an_id_of_a_condition(tree):
    log_tree(tree, 'pz_warning("disk-full", "no room is left");')
    tree.refuses("log-table", "is the id of a condition")


def test_a_line_without_a_text(tree):
    log_tree(tree, 'pz_warning("link-lost", "device=%s %s", d, why);')
    tree.refuses("log-table", "add its meaning")


# ---- scripts/spec-table ----

FOUNDING = "# 0. Founding\n\nOf 0 statements 0 are built, 0 partly, 0 not.\n"


def spec_tree(tree, page, code="", test=""):
    tree.write("docs/spec/00-founding.md", FOUNDING)
    tree.write("docs/spec/04-protocol.md", page)
    tree.write("src/wire/frame.h", code)
    tree.write("src/wire/frame_test.c", test)


PAGE = "# 4. Protocol\n\n## Frame\n\nStatus: built.\n\nA length and a body.\n"
CITED = '/* @spec page 4 "Frame" */\n'


def test_a_clause_with_code_and_test(tree):
    spec_tree(tree, PAGE, CITED, CITED)
    tree.accepts("spec-table", "--check")
    assert "| 4 | Frame | built | src/wire/frame.h | src/wire/frame_test.c |" in tree.run(
        "spec-table", "--clauses").stdout


def test_a_clause_that_is_built_and_not_cited(tree):
    spec_tree(tree, PAGE, "", CITED)
    tree.refuses("spec-table", "cited by no code")


def test_a_clause_that_is_built_and_not_tested(tree):
    spec_tree(tree, PAGE, CITED.replace("*/", "*/\nint pz_frame(void);"), "")
    (tree.root / "src/wire/frame_test.c").unlink()
    tree.refuses("spec-table", "cited by no test")


def test_a_clause_that_is_not_built(tree):
    spec_tree(tree, PAGE.replace("built", "not built"))
    tree.accepts("spec-table", "--check")


def test_a_section_without_a_status(tree):
    spec_tree(tree, PAGE.replace("Status: built.\n\n", ""), CITED, CITED)
    tree.refuses("spec-table", "its status begins with none of")


def test_a_citation_that_leads_nowhere(tree):
    spec_tree(tree, PAGE, CITED + '/* page 4 "Envelope" */\n', CITED)
    tree.refuses("spec-table", 'no clause: page 4 "Envelope"')
    spec_tree(tree, PAGE, CITED + "/* page 5 */\n", CITED)
    tree.refuses("spec-table", "no clause: page 5")


SECURITY = """# 14. Security

## 1. Keys

Status: not built.

| ID | Requirement |
|---|---|
| KEY-1 | Keys stay. |
| KEY-2 | Keys go. |

## 2. Rows that no test shows

Status: an overview.

| Rows | Why |
|---|---|
| KEY-2 | not built |
"""


def test_a_requirement_without_a_test(tree):
    spec_tree(tree, PAGE, CITED, CITED)
    tree.write("docs/spec/14-security.md", SECURITY)
    tree.refuses("spec-table", "page 14 KEY-1: cited by no test")
    tree.write("src/wire/frame_test.c", CITED + "/* page 14 KEY-1 */\n")
    tree.accepts("spec-table", "--check")
    tree.write("src/wire/frame_test.c", CITED + "/* page 14 KEY-1 and KEY-2 */\n")
    tree.refuses("spec-table", "page 14 KEY-2: cited by a test, and in the list")


def test_a_founding_statement_whose_test_is_missing(tree):
    spec_tree(tree, PAGE, CITED, CITED)
    row = "| 1 | a | [4](04-protocol.md) | `wire/frame.h` | `wire/gone_test` | built |\n\n"
    tree.write("docs/spec/00-founding.md", row + "Of 1 statements 1 are built, 0 partly, 0 not.\n")
    tree.refuses("spec-table", "no test wire/gone_test")
    tree.write("docs/spec/00-founding.md", row.replace("gone", "frame") + "Of 1 statements 0 are built.\n")
    tree.refuses("spec-table", "the last line should be: Of 1 statements 1 are built")


# ---- scripts/lint-c ----

FAULTS = {
    "unused-parameter": "int pz_f(int a);\nint pz_f(int a) { return 1; }",
    "sign-compare": "int pz_f(int a, unsigned b);\nint pz_f(int a, unsigned b) { return a < b; }",
    "shadow": "int pz_f(int a);\nint pz_f(int a) { { int a = 2; (void)a; } return a; }",
    "shorten-64-to-32": "int pz_f(long a);\nint pz_f(long a) { return a; }",
    "strict-prototypes": "int pz_f();",
    "missing-prototypes": "int pz_f(void) { return 1; }",
    "format": "int printf(const char *, ...);\nvoid pz_f(void);\nvoid pz_f(void) { printf(\"%s\", 1); }",
    "format-nonliteral": "int printf(const char *, ...);\nvoid pz_f(char *a);\n"
                         "void pz_f(char *a) { printf(a, 1); }",
    "vla": "void pz_f(int a);\nvoid pz_f(int a) { char b[a]; (void)b; }",
    "switch-enum": "enum e { A, B };\nint pz_f(enum e e);\n"
                   "int pz_f(enum e e) { switch (e) { case A: return 1; default: return 2; } }",
    "undef": "#if NOT_THERE\n#endif",
    "unused-result": "__attribute__((warn_unused_result)) int pz_f(void);\nvoid pz_g(void);\n"
                     "void pz_g(void) { pz_f(); }",
    "return-type": "int pz_f(void);\nint pz_f(void) { }",
    "uninitialized": "int pz_f(void);\nint pz_f(void) { int a; return a; }",
}
HINTED = [f"src/base/{name}.h" for name in ("err", "log", "env", "timer", "limits")]  # what the hints include
# Only clang has this warning; the header is read with the source that includes it.
IN_HEADER = "#include \"base/narrow.h\"\nint pz_f(long a);\nint pz_f(long a) { return pz_narrow(a); }\n"
NARROW = "#ifndef NARROW_H\n#define NARROW_H\nstatic inline int\npz_narrow(long a)\n{\n\treturn a;\n}\n#endif\n"
# A path that only the analyser finds: thirty log lines before it do not count as branches.
PATH = ("#include \"base/log.h\"\nint pz_f(int *a);\nint pz_f(int *a)\n{\n\tif (a)\n\t\t*a = 1;\n"
        + "\tpz_info(\"x\", \"y\");\n" * 30 + "\treturn *a;\n}\n")
# The same behind the ends of thirty JSON values.
JSON_PATH = ("#include <jansson.h>\nint pz_f(int *a, json_t **v);\nint pz_f(int *a, json_t **v)\n{\n\tif (a)\n\t\t*a = 1;\n"
             + "".join(f"\tjson_decref(v[{i}]);\n" for i in range(30)) + "\treturn *a;\n}\n")


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """What lint-c reports of a tree with each fault in a source of src/ and in a test, by file."""
    tree = Tree(tmp_path_factory.mktemp("analysed"))
    cmake = (SCRIPTS.parent / "cmake/pz.cmake").read_text()
    flags = re.search(r"add_compile_options\((-Wall[^)]*)", cmake)[1].split()
    for name in ("scripts/lint-c", "scripts/lint-hints.h", ".clang-tidy", *HINTED):
        tree.write(name, (SCRIPTS.parent / name).read_text())
    tree.write("src/base/narrow.h", NARROW)
    sources = {"src/base/in_header.c": IN_HEADER, "src/base/path.c": PATH, "src/base/json_path.c": JSON_PATH}
    for what, text in FAULTS.items():
        sources[f"src/base/{what}.c"] = sources[f"src/base/{what}_test.c"] = text + "\n"
    for name, text in sources.items():
        tree.write(name, text)
    command = f"cc {' '.join(flags)} -I{tree.root}/src -c {tree.root}/"
    tree.write("build/compile_commands.json", json.dumps(
        [{"file": f"{tree.root}/{name}", "command": command + name, "directory": "."} for name in sources]))
    reports = re.split(r"^(src/\S+): .*:$", tree.run("lint-c", "build").stdout, flags=re.M)
    found = {}
    for name, text in zip(reports[1::2], reports[2::2]):
        found[name] = found.get(name, "") + text
    return found


@pytest.mark.parametrize("what", FAULTS)
def test_a_warning_of_clang(analysed, what):
    """clang-tidy gives clang's warnings of what it reads; clang itself those of the tests."""
    assert re.search(rf"\[clang-diagnostic-{what}\b", analysed[f"src/base/{what}.c"]), analysed
    assert re.search(rf"\[-Werror,-W{what}\b", analysed[f"src/base/{what}_test.c"]), analysed


def test_a_warning_of_clang_in_a_header(analysed):
    assert re.search(r"narrow\.h:6:.*\[clang-diagnostic-shorten-64-to-32\b", analysed["src/base/in_header.c"]), analysed


@pytest.mark.parametrize("behind", ["path", "json_path"])
def test_a_path_behind_what_is_no_branch(analysed, behind):
    """Behind log lines, and behind the ends of JSON values."""
    assert "[clang-analyzer-core.NullDereference" in analysed[f"src/base/{behind}.c"], analysed


# ---- the programs of the system tests ----


@pytest.fixture
def other_build(tmp_path, monkeypatch):
    """A file that has run nothing yet, with a repeat build."""
    monkeypatch.setattr(programs, "_have_run", set())
    monkeypatch.setattr(programs, "REPEAT_BIN", tmp_path / "repeat")
    (tmp_path / "repeat").mkdir()
    (tmp_path / "repeat/pzp").symlink_to(programs.program("pzp"))
    (tmp_path / "control.sock").touch()
    return tmp_path


def test_only_what_repeats_another_run_is_of_the_repeat_build(other_build):
    def is_repeat(*args, where=other_build, check=True):
        return programs.repeats("pzp", [*args, "--json"], where, check)

    assert not is_repeat("services") and is_repeat("services")
    assert not is_repeat("services", "--device", "tv"), "other options"
    assert not is_repeat("services", where=other_build / "none"), "no daemon"
    assert not is_repeat("call", "test@tv", "get42", check=False) and is_repeat("call", "test@tv", "get42", check=False)
    assert not is_repeat("call", "test@tv", "other", check=False), "other words, and it may fail"
    for args, check in ((["services"], 1), (["call", "test@tv", "get42"], 4), (["policy", "validate", "file"], True)):
        assert not any(is_repeat(*args, check=check) for _ in range(2)), (args, check)
    assert not any(programs.repeats("pzp", ["services"], other_build, True) for _ in range(2)), "a text for people"


def test_the_first_run_is_of_the_build_under_test(other_build):
    first, second = (programs.run("pzp", "peers", "--json", data_dir=other_build, check=False) for _ in range(2))
    assert first.argv[0] == programs.program("pzp") and second.argv[0] == str(other_build / "repeat/pzp")
    assert first.code == second.code == 3


# ---- src/diagnose/scrub.c ----

# Fields of the log whose values are numbers, words of the program, or texts in which names are found
# by their looks.
NO_NAMES = {
    "about", "apps", "before", "by", "bytes", "call", "cause", "chunks", "code", "condition", "count",
    "crl", "devices", "end", "error", "event", "exit", "feature", "features", "has", "here", "item",
    "keys", "kind", "ms", "new", "now", "number", "of-origin", "old", "pid", "port", "preference",
    "queued", "reason", "remembered", "resp_to", "revoked", "right", "rules", "sequence", "signal",
    "slot", "state", "status", "suppressed", "ttl", "uid", "values", "visitors", "zones"}


def test_a_bug_report_knows_each_field_of_the_log():
    """A new field is one of those that hold names (kind_of_member), or of those above."""
    root = SCRIPTS.parent
    fields = set()
    for listed in re.findall(r"\(((?:`[a-z_-]+`(?:, )?)+)\)", (root / "docs/log.md").read_text()):
        fields |= set(re.findall(r"`([a-z_-]+)`", listed))
    members = re.search(r"members\[\] = \{(.*?)\n\t\};", (root / "src/diagnose/scrub.c").read_text(), re.S)
    names = set(re.findall(r'\{"([A-Za-z-]+)",', members[1]))
    assert fields - names == NO_NAMES & fields and not NO_NAMES & names
    assert fields - names - NO_NAMES == set() and NO_NAMES - fields == set()
