"""Whether something like ``<answer>`` is a delimiter, or code and markup outside any fence."""

import re

# Names that serve nothing else; the others are also everyday names of types and elements.
_CERTAIN = ("think", "thinking")
_NAME = re.compile(r"[\w:]+")
_ELEMENT_BEFORE = re.compile(r"<(/?)([A-Za-z][\w-]{0,40})(?:\s[^<>\n]{0,60})?>\s{0,8}\Z")
_REGEX_AFTER = re.compile(r"\(\.|\(\?|\(\\|\.[*+]|\[\^|\\[sSnwWdD]|\[\\")
_CODE_BEFORE = re.compile(r"(?:::|\(\?|[</\\@$&]|\b(?:include|import|template|operator)[ \t]{0,2})\Z")


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
        if match[0].lstrip("< \t").startswith("/"):
            goes = opened.pop() if opened else True
        else:
            generic = self._follows_word(match)
            goes = self._opens(match, name) if not generic else self._interrupts(match, name)
            if "=" in match[0] or not (generic and not goes):
                opened.append(goes)
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
        """Whether an opening tag glued to a word is a delimiter, not a generic such as ``Vec<Thought>``."""
        after = self._text[match.end() : match.end() + 1]
        return name in _CERTAIN and match[0][1].islower() and (after.isupper() or after in "\r\n") and self._closes(match)

    def _opens(self, match: re.Match[str], name: str) -> bool:
        before, after = self._text[max(match.start() - 80, 0) : match.start()], self._text[match.end() : match.end() + 2]
        if _CODE_BEFORE.search(before) or after[:1] == ">" or _REGEX_AFTER.match(after) or "=" in match[0]:
            return False
        indent = len(before) - len(before.rstrip(" \t"))
        first = before.rstrip(" \t")[-1:] in ("", "\n") or self._follows_removed(match)
        certain = name in _CERTAIN
        if not certain and (_within_markup(before) or (first and indent >= 2)):
            return False
        written = match[0].strip("< \t/>")
        plain = match[0][1] not in " \t" and not (written[0].isupper() and written[1:].islower())
        return first or (plain and (certain or self._closes(match)))

    def _follows_removed(self, match: re.Match[str]) -> bool:
        between = match.start() - self._gone_to
        return between == 0 or (between < 80 and self._text[self._gone_to : match.start()].isspace())

    def _closes(self, match: re.Match[str]) -> bool:
        """Whether a closing tag of the same name follows."""
        closing = "</" + match[0].strip("< \t/>")
        if closing not in self._last_closing:
            self._last_closing[closing] = self._text.rfind(closing)
        return self._last_closing[closing] > match.start()


def _within_markup(before: str) -> bool:
    """Whether an element that is no delimiter stands right before."""
    found = _ELEMENT_BEFORE.search(before)
    return found is not None and found[2].lower() not in (*_CERTAIN, "answer", "thought", "reasoning", "solution")
