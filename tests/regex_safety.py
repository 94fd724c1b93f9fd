"""Whether a regular expression can take more than linear time, by its structure and no clock.

A pattern becomes an automaton of its characters (Glushkov, 1961). Backtracking is more than linear
where one word leads from a loop to itself and to another loop in two ways (Weber and Seidl, "On the
degree of ambiguity of finite automata", 1991), and what follows can fail. A search begins anew at
each character, as if a loop over all characters stood before the pattern.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from re import _constants as c  # type: ignore[attr-defined]  # the parser is not typed
from re import _parser as parser  # type: ignore[attr-defined]  # nor is this
from typing import Any

EXPANDED = 64  # a repeat of at most so many is written out; a longer one is taken for endless
SAMPLE = "aZzà0٣_ \t\n\xa0-.,:;/\\\"'<>()[]{}|@#*+?=!&%$£€“–\x00\x1f\u2028\U0001f999"
CATEGORIES = {
    c.CATEGORY_DIGIT: r"\d",
    c.CATEGORY_NOT_DIGIT: r"\D",
    c.CATEGORY_SPACE: r"\s",
    c.CATEGORY_NOT_SPACE: r"\S",
    c.CATEGORY_WORD: r"\w",
    c.CATEGORY_NOT_WORD: r"\W",
}
REPEATS = {c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT}


@dataclass
class Part:
    """A piece of a pattern: where it begins and ends, and whether it may be nothing."""

    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    nullable: bool = True


class Automaton:
    """The characters of a pattern as states, and which may follow which."""

    def __init__(self, pattern: str, flags: int) -> None:
        tree = parser.parse(pattern, flags)
        self.flags = tree.state.flags
        literals = {chr(n) for n in _numbers(tree) if 0 <= n < 0x110000}
        self.alphabet = sorted({*SAMPLE, *literals})
        self.signs: list[frozenset[str]] = []
        self.follow: dict[int, set[int]] = {}
        self.can_fail = False  # by something without width, such as $
        beginnings = [c.AT_BEGINNING_STRING, c.AT_BEGINNING]
        if self.flags & re.MULTILINE:
            beginnings.pop()
        self.anchored = any(list(tree.data[:1]) == [(c.AT, place)] for place in beginnings)
        self.whole = self._sequence(tree)

    def state(self, signs: Iterable[str]) -> Part:
        """Add a state for one character out of some."""
        self.signs.append(frozenset(signs))
        number = len(self.signs) - 1
        self.follow[number] = set()
        return Part({number}, {number}, nullable=False)

    def join(self, one: Part, other: Part) -> Part:
        """Let one part be followed by another."""
        for state in one.last:
            self.follow[state] |= other.first
        return Part(
            one.first | other.first if one.nullable else one.first,
            one.last | other.last if other.nullable else other.last,
            one.nullable and other.nullable,
        )

    def _sequence(self, items: Any) -> Part:
        whole = Part()
        for kind, value in items:
            whole = self.join(whole, self._part(kind, value))
        return whole

    def _part(self, kind: Any, value: Any) -> Part:
        if kind in REPEATS:
            return self._repeat(*value)
        if kind is c.SUBPATTERN:
            return self._sequence(value[3])
        if kind is c.ATOMIC_GROUP:
            return self._sequence(value)
        if kind is c.BRANCH:
            parts = [self._sequence(branch) for branch in value[1]]
            return Part(
                {n for part in parts for n in part.first},
                {n for part in parts for n in part.last},
                any(part.nullable for part in parts),
            )
        if kind in {c.ASSERT, c.ASSERT_NOT}:
            self.can_fail = True
            part = self._sequence(value[1])
            return Part(part.first, part.last)
        if kind is c.AT:
            self.can_fail = True
            return Part()
        return self.state(sign for sign in self.alphabet if self._takes(kind, value, sign))

    def _repeat(self, least: int, most: int, body: Any) -> Part:
        endless = most is c.MAXREPEAT or most > EXPANDED
        whole = Part()
        for _copy in range(least):
            whole = self.join(whole, self._sequence(body))
        if endless:
            part = self._sequence(body)
            for state in part.last:
                self.follow[state] |= part.first
            return self.join(whole, Part(part.first, part.last))
        before = whole
        for _copy in range(most - least):  # each only behind the one before: (a(a)?)?
            part = self.join(before, self._sequence(body))
            whole = Part(whole.first | part.first, whole.last | part.last, whole.nullable)
            before = part
        return whole

    def _takes(self, kind: Any, value: Any, sign: str) -> bool:
        if kind is c.LITERAL:
            return self._same(value, sign)
        if kind is c.NOT_LITERAL:
            return not self._same(value, sign)
        if kind is c.ANY:
            return sign != "\n" or bool(self.flags & re.DOTALL)
        if kind is c.CATEGORY:
            return bool(re.match(CATEGORIES[value], sign, self.flags & (re.ASCII | re.UNICODE)))
        if kind is c.RANGE:
            return any(value[0] <= ord(each) <= value[1] for each in self._cases(sign))
        if kind is c.IN:
            negated = value[0][0] is c.NEGATE
            return negated != any(self._takes(kind, item, sign) for kind, item in value[negated:])
        return True  # a group again: whatever it held

    def _same(self, number: int, sign: str) -> bool:
        return chr(number) in self._cases(sign)

    def _cases(self, sign: str) -> set[str]:
        ignoring = self.flags & re.IGNORECASE
        return {
            sign,
            *(case for case in (sign.lower(), sign.upper()) if len(case) == 1 and ignoring),
        }

    def shown(self, state: int) -> str:
        """Return some of the characters of a state."""
        return repr("".join(sorted(self.signs[state]))[:12])


def _numbers(tree: Any) -> set[int]:
    if isinstance(tree, int):
        return {int(tree)} if not isinstance(tree, c._NamedIntConstant) else set()
    if isinstance(tree, (list, tuple, parser.SubPattern)):
        return {n for item in tree for n in _numbers(item)}
    return set()


def fault(pattern: str, flags: int = 0, *, whole: bool = False, anywhere: bool = True) -> str:
    """Return why a pattern may take more than linear time, "" when it cannot.

    `whole` where it is matched by `fullmatch`, `anywhere` where by `search`, `sub` and their like.
    """
    made = Automaton(pattern, flags)
    if anywhere and not whole and not made.anchored:
        start = made.state(made.alphabet)
        made.join(start, Part(start.first | made.whole.first))
    graph = Graph(made)
    certain = set() if whole or made.can_fail else made.whole.last
    for p in graph.loops:
        if p not in certain and graph.in_two_ways(p):
            return f"two ways round a loop at {made.shown(p)}"
        for q in graph.loops - certain - {p}:
            if q in graph.after[p] and graph.signs[p] & graph.signs[q] and graph.runs_into(p, q):
                return f"a loop at {made.shown(p)} runs into one at {made.shown(q)}"
    return ""


class Graph:
    """The states of an automaton, walked by several at once that read the same characters."""

    def __init__(self, made: Automaton) -> None:
        self.follow = made.follow
        self.signs = [
            sum(1 << place for place, sign in enumerate(made.alphabet) if sign in signs)
            for signs in made.signs
        ]
        self.after = {state: self._after(state) for state in self.follow}
        self.loops = {state for state in self.follow if state in self.after[state]}

    def _after(self, state: int) -> set[int]:
        found: set[int] = set()
        waiting = [state]
        while waiting:
            new = self.follow[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    def in_two_ways(self, p: int) -> bool:
        """Say whether one word leads from a state to itself by two paths."""
        circle = {state for state in self.after[p] if p in self.after[state]}
        apart = (pair for pair in self._reached((p, p), (circle, circle)) if pair[0] != pair[1])
        return any((p, p) in self._reached(pair, (circle, circle)) for pair in apart)

    def runs_into(self, p: int, q: int) -> bool:
        """Say whether one word leads from p to p, from p to q and from q to q."""
        mine = {state for state in self.after[p] if p in self.after[state]}
        its = {state for state in self.after[q] if q in self.after[state]}
        between = {state for state in self.after[p] if q in self.after[state]} | {q}
        return (p, q, q) in self._reached((p, p, q), (mine, between, its))

    def _reached(
        self, begin: tuple[int, ...], within: tuple[set[int], ...]
    ) -> set[tuple[int, ...]]:
        seen: set[tuple[int, ...]] = set()
        waiting = [begin]
        while waiting:
            ways: list[tuple[tuple[int, ...], int]] = [((), -1)]
            for state, allowed in zip(waiting.pop(), within, strict=True):
                ways = [
                    ((*way, after), shared)
                    for way, before in ways
                    for after in self.follow[state] & allowed
                    if (shared := before & self.signs[after])
                ]
            new = {way for way, _signs in ways} - seen
            seen |= new
            waiting += new
        return seen
