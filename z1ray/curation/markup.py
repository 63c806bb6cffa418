"""Whether something like ``<answer>`` is a delimiter, or code and markup outside any fence."""

import re

# Names that serve nothing else; the others are also everyday names of types and elements.
_CERTAIN = ("think", "thinking")
# Delimiters only right after another one; alone they are parts of a problem or of a page.
_FOLLOWING = ("output", "conclusion", "final")
_NAMES = (
    *_CERTAIN,
    *("thought", "thoughts", "reasoning", "reflection"),
    *("answer", "solution", "response", "final_answer"),
)
_NAME = re.compile(r"[\w:]+")
_ELEMENT_BEFORE = re.compile(r"<[/?]?([A-Za-z][\w-]{0,40})(?:\s[^<>\n]{0,60})?>\s{0,8}\Z")
_ELEMENT_AFTER = re.compile(r"\s{0,8}<([A-Za-z][\w-]{0,40})(?:\s[^<>\n]{0,60})?>")
# Expressions of regular expressions, which LaTeX after a delimiter (\sqrt, \dfrac) does not look like.
_CLASS = r"\\[sSdDwW](?![A-Za-z])"
_REGEX_AFTER = re.compile(rf"\(\.[*+?]|\(\?|\.[*+]|\[\^|\[{_CLASS}|\({_CLASS}|{_CLASS}|\(\[|[>|$]|[ \t]{{0,4}}::?=")
_COMMENT_BEFORE = re.compile(r"(?:\A|\n)[ \t]{0,40}(?://|/\*|<!--)[^\n]*\Z")
_CODE_BEFORE = re.compile(r"(?:::|\(\?|[<\/\\@^|]|\b(?:include|import|template|operator)[ \t]{0,2})\Z")
_HALF_BEFORE, _HALF_AFTER = re.compile(r"<[/\w|:]{0,20}\Z"), re.compile(r"[\w|:]{1,20}>")


class Elements:
    """Decides about the elements of one text, from its start to its end.

    A closing tag shares the fate of the opening one it belongs to.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: dict[str, list[bool]] = {}
        self._last_closing: dict[str, int] = {}
        self._gone_to = 0

    def is_delimiter(self, match: re.Match[str]) -> bool:
        """Whether the element is one; to be asked in the order of the text."""
        name = _NAME.findall(match[0])[0].lower()
        opened = self._open.setdefault(name, [])
        if match[0].lstrip("< \t\r\n").startswith("/"):
            goes = opened.pop() if opened else True
        elif self._follows_word(match):
            # A generic such as Vec<Thought> has no closing tag.
            goes = self._interrupts(match, name)
            opened += [goes] if goes else []
        else:
            goes = self._opens(match, name)
            opened += [goes] if match[0].rstrip("> \t\r\n")[-1] != "/" else []
        if goes:
            self._gone_to = match.end()
        return goes

    def removed(self, match: re.Match[str]) -> None:
        """Notes that another delimiter was removed."""
        self._gone_to = match.end()

    def _follows_word(self, match: re.Match[str]) -> bool:
        before = self._text[max(match.start() - 1, 0) : match.start()]
        return (before.isalnum() or before == "_") and self._gone_to != match.start()

    def _interrupts(self, match: re.Match[str], name: str) -> bool:
        """Whether an opening tag glued to a word is a delimiter all the same."""
        before, after = self._around(match)
        left, right = _HALF_BEFORE.search(before), _HALF_AFTER.match(after)
        if left and right and match.re.fullmatch(left[0] + right[0]):
            return True
        sentence = after[:1].isupper() or after[:1] in ("\r", "\n")
        return name in _CERTAIN and match[0][1].islower() and sentence and self._closes(match)

    def _opens(self, match: re.Match[str], name: str) -> bool:
        before, after = self._around(match)
        if _CODE_BEFORE.search(before) or _REGEX_AFTER.match(after) or _COMMENT_BEFORE.search(before):
            return False
        blanks = before.rstrip(" \t")
        indent, certain = before[len(blanks) :].expandtabs(4), name in _CERTAIN
        follows = self._follows_removed(match)
        first = blanks[-1:] in ("", "\n") or follows
        if first and (blanks.endswith("\n\n") and blanks.strip() and len(indent) >= 4 if certain else len(indent) >= 2):
            return False
        if not certain and ("=" in match[0] or _within_markup(before, after) or (name in _FOLLOWING and not follows)):
            return False
        written = match[0].strip("< \t\r\n/>")
        capitalised = written[0].isupper() and written[1:].islower()
        if capitalised and "/" in match[0]:
            return False
        plain = not match[0][1].isspace() and not capitalised
        return first or (plain and (certain or self._closes(match)))

    def _around(self, match: re.Match[str]) -> tuple[str, str]:
        """A stretch before and after, of bounded length."""
        return self._text[max(match.start() - 120, 0) : match.start()], self._text[match.end() : match.end() + 120]

    def _follows_removed(self, match: re.Match[str]) -> bool:
        between = match.start() - self._gone_to
        return between == 0 or (between < 80 and self._text[self._gone_to : match.start()].isspace())

    def _closes(self, match: re.Match[str]) -> bool:
        """Whether a closing tag of the same name follows."""
        closing = "</" + match[0].strip("< \t\r\n/>").split()[0]
        if closing not in self._last_closing:
            self._last_closing[closing] = self._text.rfind(closing)
        return self._last_closing[closing] > match.start()


def _within_markup(before: str, after: str) -> bool:
    """Whether an element that is no delimiter stands right before, or opens right after."""
    found = (_ELEMENT_BEFORE.search(before), _ELEMENT_AFTER.match(after))
    return any(element and element[1].lower() not in _NAMES for element in found)
