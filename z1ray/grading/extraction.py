"""The program in a model's text: which of its code is the answer.

A text holds drafts, examples and output beside the answer, and a run cut by the window
ends its thinking anywhere. Blocks are read by ``markdown``, unfenced code by ``bare``.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import dedent

from z1ray.grading import bare, markdown
from z1ray.grading.joining import joined
from z1ray.grading.markdown import Block
from z1ray.grading.programs import continued, fit, wanted_names
from z1ray.grading.syntax import Module, has_effect, is_example, parse, reads_input
from z1ray.records import Row
from z1ray.window import CODE_HINT, MATH_HINT

HINTS = (CODE_HINT, MATH_HINT)

# Of programs that miss names, so many are joined with the code around them.
_JOINS = 8

_CONSOLE = re.compile(r"[ \t]*(?:>>>|\.\.\.:?|In \[\d+\]:)(?: |$)")
_ACTS = re.compile(r"[=(]")
_MAGIC = re.compile(r"[ \t]*[%!]")
_TAGS = re.compile(r"(?:<pre\b[^>]*>)?(?:<code\b[^>]*>)?")
_BODY = re.compile(r"\b(?:return|yield)\b")
_LOOKS_LIKE_CODE = re.compile(r"^[ \t]*(?:(?:async )?def |class |import |from |return\b|print\()", re.MULTILINE)


def find_program(problem: Row, text: str, hints: Sequence[str] = HINTS) -> str | None:
    """The code of a text that answers a problem, or None if it has none.

    It is the last fenced block that compiles and binds what the tests call (for programs
    that read stdin: that runs, and is no example of use), with the helpers and imports it
    misses from the code before it. If no block serves, it is a body for the prompt, else
    code without fences. If nothing serves, the last block of Python stands, whatever it is.

    Args:
        problem: A Problem row whose tests run code.
        text: A model's response.
        hints: Hints that may end its thinking; it is read from the first one on, and each
            closes the block that is open.
    """
    parts = [markdown.split_lines(part) for part in answer_parts(text, hints)]
    read = [markdown.read(part) for part in parts]
    blocks = [block for found, _ in read for block in found]
    outside = [[_untagged(line) for line in lines] for _, lines in read]
    tiers = [
        _modules(_readings(block) for block in blocks if block.is_python),
        _modules(_readings(block) for block in blocks if not block.is_python),
        _modules([run] for lines in outside for run in [*bare.runs(lines), *_typed(lines)]),
        _modules([run] for block in blocks for run in _salvaged(block)),
        _modules([span] for lines in outside for span in markdown.spans(lines) if _ACTS.search(span)),
    ]
    if problem["tests"]["kind"] == "stdio":
        return _program(tiers) or _last_resort(blocks)
    return (
        _called(problem, tiers, sure=True)
        or _body(problem, blocks, parts)
        or _called(problem, tiers, sure=False)
        or _last_resort(blocks)
    )


def answer_parts(text: str, hints: Sequence[str]) -> list[str]:
    """The text from the first hint on, divided at its hints; all of it if it has none.

    A hint whose blank lines were stripped is found too.
    """
    for texts in (hints, [hint.strip() for hint in hints]):
        if any(hint in text for hint in texts):
            return re.split("|".join(re.escape(hint) for hint in texts), text)[1:]
    return [text]


def _modules(readings: Iterable[Iterable[str]]) -> list[Module]:
    """Of each code the first reading that compiles."""
    found = (next((module for source in sources if (module := parse(source))), None) for sources in readings)
    return [module for module in found if module and module.tree.body]


def _readings(block: Block) -> Iterator[str]:
    """A block's code as it stands, without indentation, prompts or magics of a console, up to a misplaced fence."""
    yield block.source
    yield dedent(block.source)
    yield from _typed(block.lines)
    if any(_MAGIC.match(line) for line in block.lines):
        yield "".join(f"{line}\n" for line in block.lines if not _MAGIC.match(line))
    for number, line in enumerate(block.lines):
        if line.rstrip().endswith("```"):
            yield "\n".join([*block.lines[:number], line.rstrip().removesuffix("```")]) + "\n"
            break


def _typed(lines: Sequence[str]) -> list[str]:
    """What is typed after the prompts of a console, if there are any."""
    found = [line[prompt.end() :] for line in lines if (prompt := _CONSOLE.match(line))]
    return ["".join(f"{line}\n" for line in found)] if found else []


def _untagged(line: str) -> str:
    """A line without the tags of HTML that begin and end a listing on it."""
    if not line.startswith("<") and not line.rstrip().endswith(">"):
        return line
    opened = _TAGS.match(line)
    start = opened.end() if opened else 0
    return line[start:].rstrip().removesuffix("</pre>").removesuffix("</code>")


def _salvaged(block: Block) -> list[str]:
    """Code within a block that does not compile as a whole, for want of a fence: its end, or the prose before it.

    What is in a block of its own, closed and labelled or starting with code, is taken at its word.
    """
    if parse(block.source):
        return []
    if not block.closed:
        return bare.runs(block.lines)[:1]
    first = next((line for line in block.lines if line.strip()), "")
    return [] if block.language or _LOOKS_LIKE_CODE.match(first) else bare.runs(block.lines)


def _called(problem: Row, tiers: Sequence[Sequence[Module]], *, sure: bool) -> str | None:
    """The last code, of the first tier that has one, which binds what the tests call."""
    names = wanted_names(problem)
    for tier in tiers:
        for number, module in reversed(list(enumerate(tier))):
            found = fit(problem, module, names)
            if found and (found.sure or not sure):
                return joined(module, _others(tiers, tier, number), names)
    return None


def _others(tiers: Sequence[Sequence[Module]], tier: Sequence[Module], number: int) -> list[Module]:
    """All modules but one, the likeliest to hold what it misses first: those before it, after it, of other tiers."""
    others = [module for other in tiers if other is not tier for module in reversed(other)]
    return [*reversed(tier[:number]), *tier[number + 1 :], *others]


def _body(problem: Row, blocks: Sequence[Block], parts: Sequence[Sequence[str]]) -> str | None:
    """The last block that continues the problem's prompt, or a text that does."""
    fenced = [block.source for block in blocks if block.is_python]
    plain = [source for part in parts for source in _beginnings(part)]
    bodies = (source for source in [*reversed(fenced), *plain] if _BODY.search(source))
    return next((body for body in bodies if continued(problem, body)), None)


def _beginnings(lines: Sequence[str]) -> list[str]:
    """A text up to its first fence, and up to the first line that is not indented."""
    fence = next((number for number, line in enumerate(lines) if line.startswith("```")), len(lines))
    before = lines[:fence]
    margin = next((number for number, line in enumerate(before) if line.strip() and line[0] not in " \t"), fence)
    return ["".join(f"{line}\n" for line in some) for some in (before, before[:margin])]


def _program(tiers: Sequence[Sequence[Module]]) -> str | None:
    """The last program that runs and reads its input; else the last that runs; else the last that is no example."""
    programs = [found for tier in tiers for found in _programs(tiers, tier)]
    running = [(module, whole) for module, whole in programs if has_effect(whole)]
    reading = (whole for _, whole in running if reads_input(whole.tree))
    plain = (whole for module, whole in running if not is_example(module))
    other = (module for tier in tiers[:2] for module in reversed(tier) if not is_example(module))
    chosen = next(itertools.chain(reading, plain, other), None)
    return chosen.source if chosen else None


def _programs(tiers: Sequence[Sequence[Module]], tier: Sequence[Module]) -> Iterator[tuple[Module, Module]]:
    """Each module, the last first, and the same with what it misses; that for the last few only."""
    joins = _JOINS
    for number, module in reversed(list(enumerate(tier))):
        whole: Module | None = module
        if module.missing and joins:
            joins -= 1
            whole = parse(joined(module, _others(tiers, tier, number), with_input=True))
        yield module, whole or module


def _last_resort(blocks: Sequence[Block]) -> str | None:
    """The last block of Python, one that compiles and is no example if there is any."""
    python = [block.source for block in blocks if block.is_python and block.source.strip()]
    code = [source for source in python if _LOOKS_LIKE_CODE.search(source)]
    labelled = [block.source for block in blocks if block.language and block.is_python and block.source.strip()]
    compiling = [source for source in code if (module := parse(source)) and not is_example(module)]
    return next((some[-1] for some in (compiling, code, labelled) if some), None)
