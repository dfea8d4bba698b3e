"""What an audit says in plain words, with its numbers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from headstart.auditing.against import Against
from headstart.auditing.asked import Asked
from headstart.auditing.border import Border
from headstart.auditing.class_maps import ClassMap
from headstart.auditing.confound import Confound
from headstart.auditing.corruptions import Robustness
from headstart.auditing.labels import Suspect
from headstart.lists import some_of
from headstart.records import Estimate

__all__ = [
    "claim_of",
    "evidence_of",
    "line_of",
    "line_of_quiet",
    "lines_of_against",
    "lines_of_corruptions",
    "lines_of_kept",
    "remedy_of",
    "remedy_of_border",
    "said_of_border",
    "said_of_maps",
    "title_of",
]

_FEW = 40
_PARTS = {
    "unnamed": "What no column names",
    "corruptions": "What worse images do",
    "against": "How another run differs",
    "repair": "What a repair would bring",
}
_SPOT = 0.8  # standard deviations of a place that is worth a word


def title_of(found: Confound) -> str:
    """Returns what the column is to the model, in a few words."""
    if found.verdict == "serious":
        return f"The model leans on {found.column}"
    if found.verdict == "warning":
        return f"The model seems to lean on {found.column}"
    if found.tied:
        return f"{found.column} goes with the class, and the model was not seen to use it"
    if found.leans:
        return f"{found.column} sways the score, but does not go with the class"
    return f"{found.column} was not seen to matter"


def claim_of(found: Confound) -> str:
    """Returns the verdict in one or two sentences."""
    what = f"{found.column} {found.value}"
    inside, outside = (_percent(each) for each in found.share)
    learnt = " that it learnt from" if found.taught else ""
    tied = f"{inside} of {found.kind}{learnt} have {what}, and {outside} of {found.others[0]}"
    read = f"; {found.note}" if found.note else ""
    if found.verdict == "fine" and found.tied:
        return (
            f"{tied}; among images of one class the score was not seen to follow {found.column} "
            f"({_in_pairs(found)}{read})."
        )
    if found.verdict == "fine":
        return (
            f"{found.column} hardly tells the class (balanced accuracy "
            f"{_share(found.associated)}; guessing 0.50{read})."
        )
    leans = (
        f"Among images of one and the same class those with {what} score higher for {found.kind} "
        f"({_in_pairs(found)})"
    )
    return f"{tied}. {leans}.{_changes(found)}{_costs(found)}{_alike(found)}"


def _alike(found: Confound) -> str:
    if not found.alike:
        return ""
    return (
        f" {' and '.join(found.alike)} {'say' if len(found.alike) > 1 else 'says'} nearly the same "
        f"of these images: on which of them the model leans cannot be told."
    )


def _in_pairs(found: Confound) -> str:
    """Says how far the score follows a column within a class."""
    return f"in {100 * found.used:.0f} of 100 pairs, where 50 is chance; p = {_p(found.p_adjusted)}"


def _changes(found: Confound) -> str:
    if found.change is None or found.change <= 2 * (found.change_by_chance or 0):
        return ""
    return (
        f" Of 100 answers {round(100 * found.change)} would be other ones if {found.value} were "
        f"{found.others[1]}, and the reverse (moved along that direction in the features)."
    )


def _costs(found: Confound) -> str:
    if found.cost is None or found.aligned is None or found.opposing is None:
        return " There are too few images that contradict it to say what that costs."
    return (
        f" It is right on {_percent(found.aligned.value)} of the images that agree with this and "
        f"on {_percent(found.opposing.value)} of those that contradict it: "
        f"{_points(found.cost)} points less."
    )


def evidence_of(found: Confound) -> tuple[str, ...]:
    """Returns the figures, one line each."""
    lines = [f"how it was read: {found.note}"] if found.note else []
    lines += [
        f"tells the class by itself: balanced accuracy {found.associated}, where guessing has 0.50",
    ]
    if found.carried is not None:
        lines.append(
            f"can be told from the features within a class: "
            f"AUC {_area(found.carried_area, found.carried)} (said, and never judged by: features "
            f"carry nearly everything)"
        )
    lines.append(
        f"the held-out score follows it within a class: AUC {_area(found.used_area, found.used)}, "
        f"permutation p = {_p(found.p_value)}, for all columns p = {_p(found.p_adjusted)}"
    )
    if found.cost is not None:
        lines.append(f"aligned less opposing accuracy: {found.cost}")
    lines.append(
        f"accuracy as the images are {found.measured}; where {found.column} and class would be "
        f"unrelated {found.unrelated}"
    )
    if found.change is not None:
        lines.append(
            f"answers that change along its direction: {_percent(found.change)} (of a value dealt "
            f"out at random {_percent(found.change_by_chance or 0)})"
        )
    lines += [
        f"{cell.kind} with {cell.value}: {cell.images:,} images, right {_percent(cell.right.value)}"
        f" ({_percent(cell.right.low)} to {_percent(cell.right.high)})"
        for cell in found.cells
    ]
    return tuple(lines)


def remedy_of(found: Confound, *, run: str = "RUN", repaired: bool = False) -> str:
    """Returns what to do.

    Args:
        found: Of one column.
        run: Where the run lies, as a command names it.
        repaired: Whether a repair of the head for this column was tried already, or cannot be.
    """
    if found.verdict == "fine" or found.gather is None:
        return "Nothing to do."
    wanted = [each for each in found.gather.wanted if each.more]
    parts = [
        f"{each.more} more images of {each.kind} with {found.column} {each.value} "
        f"({'it learnt from' if found.taught else 'there are'} {each.have})"
        for each in wanted
    ]
    if not parts and found.verdict == "serious":
        return _beyond_gathering(found, run, repaired)
    said = (
        f"Gather {' and '.join(parts)}{_forecast(found, repaired)}"
        if parts
        else "Nothing need be gathered"
    )
    if found.verdict == "warning":
        few = found.cost is None or any(each.have < _FEW for each in wanted)
        said += (
            "; there are too few of them to say how much it costs"
            if few
            else "; what it costs is not surely above nought"
        )
    meanwhile = f" Meanwhile: {_repair_by(found, run)}."
    return (
        f"{said}.{'' if repaired else meanwhile} If {found.column} is what the class is about, "
        f"nothing must be done."
    )


def _repair_by(found: Confound, run: str) -> str:
    """Returns the command that repairs the head."""
    words = ["headstart", "audit", run, "--repair", found.column, "-o", f"{run}-repaired"]
    return shlex.join(words)


def _beyond_gathering(found: Confound, run: str, repaired: bool) -> str:
    """Says what is left to do where enough images contradict what goes together."""
    assert found.gather is not None
    there = " and ".join(f"{e.have:,} of {e.kind} with {e.value}" for e in found.gather.wanted)
    weigh = "" if repaired else f"{_repair_by(found, run)}; or "
    return (
        f"Images that contradict it are there in plenty ({there}), so more of them would hardly "
        f"help: {weigh}another --backbone, or --strategy finetune, may lean on it less. If "
        f"{found.column} is what the class is about, nothing must be done."
    )


def _forecast(found: Confound, repaired: bool) -> str:
    """Says what that would bring."""
    gather = found.gather
    if gather is None or gather.now is None or gather.weighted is None or gather.then is None:
        return ""
    if gather.then < gather.now + 0.01:
        return ", though no gain is forecast of it"
    alone = 100 * max(gather.weighted - gather.now, 0)
    weights = "" if repaired else f" (weights alone, --repair {found.column}: {alone:+.0f} points)"
    return (
        f": that should bring images that contradict it from {_percent(gather.now)} right to about "
        f"{_percent(gather.then)}{weights}; a coarse forecast"
    )


def said_of_border(found: Border) -> str:
    """Returns how well the classes are told by the border alone, in a sentence."""
    shares = [
        f"{_percent(each.value)} ({_percent(each.low)} to {_percent(each.high)})"
        for each in (found.middle, found.whole)
    ]
    said = (
        f"By the outer tenth at each side alone, and its corners enlarged, the classes are told "
        f"with a balanced accuracy of {_percent(found.border.value)} "
        f"({_percent(found.border.low)} to {_percent(found.border.high)}; guessing "
        f"{_percent(found.chance)}); with that tenth greyed out {shares[0]}, whole {shares[1]} "
        f"({found.n} images)"
    )
    if found.telling:
        return f"{said}: look at the borders, what tells the classes may sit there."
    return f"{said}."


def remedy_of_border(found: Border | None) -> str:
    """Returns what to do about the border, in a sentence; nothing where it tells less."""
    if found is None or not found.telling:
        return ""
    return (
        f"The outer tenth at each side tells the classes ({_percent(found.border.value)}, "
        f"{_percent(found.border.low)} to {_percent(found.border.high)}) about as well as the "
        f"rest: look there for marks, rulers, frames and backgrounds, and cut them off "
        f"or gather images without them."
    )


def said_of_maps(maps: Sequence[ClassMap]) -> str:
    """Returns where the class that differs most from others does so, in a sentence, or nothing."""
    if not maps or maps[0].strongest < _SPOT:
        return ""
    first = maps[0]
    return (
        f"{first.kind} differs most from all others in light and colour at {first.place} of the "
        f"images, by {first.strongest:.1f} standard deviations (an illustration, not evidence)."
    )


def lines_of_corruptions(found: Robustness) -> list[str]:
    """Returns what corruptions do to the answers, and of those that surely harm a line each."""
    learnt = " that it learnt from (new ones may suffer more)" if found.learnt_from else ""
    harmed = [each for each in found.kinds if each.surely]
    words = f"{found.n} images{learnt} made worse in {len(found.kinds)} ways"
    if not harmed:
        return [f"{words}: none surely changes {found.measure}."]
    lines = [f"{words}: {len(harmed)} surely harm; {found.measure} as they are {found.plain}."]
    for each in harmed:
        points = f"{_points(each.change)} points" if found.share else str(each.change)
        lines.append(f"{each.name}, {each.words}: {points}")
    return lines


def lines_of_against(found: Against) -> list[str]:
    """Returns how two runs differ, a line for what all images say and one a column."""
    value, low, high = (100 * x for x in (found.measured.value, found.measured.low,
                                          found.measured.high))  # fmt: skip
    first = (
        f"Against {found.second}, on {found.images:,} images that both answered: right answers "
        f"change by {value:+.1f} points ({low:+.1f} to {high:+.1f}) as the images are."
    )
    return [first, *(each.claim for each in found.columns)]


def lines_of_kept(asked: Mapping[str, Asked]) -> list[str]:
    """Returns of every part that an earlier audit measured when that was."""
    return [
        f"{_PARTS[part]} was measured on {' at '.join(one.when[:16].split('T'))} and kept: the "
        f"model and the images are the same."
        for part, one in asked.items()
        if one.kept
    ]


def line_of_quiet(columns: Sequence[Confound]) -> str:
    """Returns which columns hardly tell the class, in one line: many such lines hide the others."""
    quiet = [each for each in columns if each.verdict == "fine" and not each.tied]
    most = max(quiet, key=lambda each: each.associated.value)
    names = some_of((each.column + (f" ({each.note})" * bool(each.note)) for each in quiet), 20)
    return (
        f"{len(quiet)} columns hardly tell the class: {names}. {most.column} tells it best, with a "
        f"balanced accuracy of {_share(most.associated)}, where guessing has 0.50."
    )


def line_of(suspect: Suspect) -> str:
    """Returns one label that should be looked at, in a line."""
    if suspect.copy:
        return f"{suspect.name}: {suspect.given}, and its copy {suspect.copy} is {suspect.likely}"
    return f"{suspect.name}: {suspect.given}, or {suspect.likely}?"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _points(estimate: Estimate) -> str:
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    digits = int(any(0 < abs(end) < 0.5 for end in (low, high)))  # "-6 to -0" would hide a sign
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.2f}, {estimate.low:.2f} to {estimate.high:.2f}"


def _area(found: Estimate | None, value: float) -> str:
    """Returns an area with its interval; audits of before know none."""
    return f"{value:.2f}" if found is None else f"{value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _p(value: float) -> str:
    return "0.001 or less" if value <= 0.001 else f"{value:.2g}"
