"""The verdict in the course of a fine-tuning: before it on the recordings, after it on the checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gsv_lab.audio.speakers import SEVERAL
from gsv_lab.corpora.voice_clips import VoiceClips, kept_clips
from gsv_lab.errors import DataError, LabError
from gsv_lab.inference.recordings import Recordings
from gsv_lab.training.finetuning.candidates import Candidate, Recorded
from gsv_lab.training.finetuning.run_folder import RunFolder
from gsv_lab.training.verdict.clips import measure, spoken_language
from gsv_lab.training.verdict.data import judge_data
from gsv_lab.training.verdict.judging import judge
from gsv_lab.training.verdict.page import write_verdict
from gsv_lab.training.verdict.reference import REFERENCES
from gsv_lab.training.verdict.speaking import terms_to_speak
from gsv_lab.training.verdict.verdict import STAY, Verdict


class Judgement:
    """Looks at recordings, then at what was tuned on them.

    Args:
        recordings: what the base finds in recordings.
        found: the clips.
        anyway: tune on poor recordings, and hand out the best tuned voice where none is better than the untuned one.
        untuned: hand out the untuned voice there.
        terms: words or sentences that the candidates speak beside the other texts.

    Attributes:
        verdict: what is known so far.
        good_clips: those to tune on; all of them where the recordings are too poor.
        page: where the verdict can be read, once it is written.

    Raises:
        ConfigError: PARAM_RANGE, too many terms. TextError: a term that has no sounds.
    """

    def __init__(
        self,
        recordings: Recordings,
        found: VoiceClips,
        anyway: bool = False,
        untuned: bool = False,
        terms: Sequence[str] = (),
    ) -> None:
        self.anyway, self.untuned = anyway, untuned
        self.terms = terms_to_speak(recordings, terms)
        family, first = recordings.family, found.clips[0]
        self.sample_rate = recordings.sample_rate
        self.page: Path | None = None
        reference = REFERENCES.get(family.version)
        # Other networks have other distances, and nobody knows from which on they are those of two people.
        measured = measure(recordings, found.clips, people=reference is not None)
        report = judge_data(measured, None if reference is None else SEVERAL)
        language = spoken_language(first.text, first.language)
        self.verdict = Verdict(family.version, language, report, reference=reference)
        self.good_clips = found
        if report.poor is None:
            seconds = {number: report.measured[number].seconds for number in report.keep}
            self.good_clips = kept_clips(found, seconds, report.reasons())

    def refuse_poor(self, place: RunFolder) -> None:
        """Write the verdict on recordings that are too poor, and end there unless told otherwise.

        Raises:
            DataError: DATA_TOO_POOR. LabError, ConfigError: those of `RunFolder.begin`; SAVE_FAILED.
        """
        poor = self.verdict.data.poor
        if poor is None or self.anyway:
            return
        place.begin()
        self.page = write_verdict(self.verdict, place.folder, self.sample_rate)
        problem = f"The data is too poor ({poor.code}): {poor.words}"
        action = f"{poor.advice}, or tune all the same with 'anyway'. All that was found: {self.page}"
        raise DataError("DATA_TOO_POOR", problem, "", action)

    def chosen(
        self, recorded: Recorded, found: Sequence[Candidate], stages: Sequence[str], folder: Path, progress_bar: bool
    ) -> Candidate:
        """Judge candidates and write the verdict: the one that becomes the voice, if any does (`refuse_worse`).

        Raises:
            LabError: SAVE_FAILED.
        """
        judged = judge(recorded, found, stages, self.terms, progress_bar=progress_bar)
        self.verdict = replace(self.verdict, judged=judged)
        self.page = write_verdict(self.verdict, folder, self.sample_rate)
        step = self.verdict.shown
        if not judged.choice.step and self.untuned and not self.anyway:
            step = 0
        candidate = next(one for one in found if one.step == step)
        return replace(candidate, held_out=round(float(judged.losses[step].mean()), 4))

    def refuse_worse(self) -> None:
        """Keep back a tuned voice that is not better, unless told otherwise.

        Raises:
            LabError: FINETUNE_NOT_BETTER.
        """
        judged = self.verdict.judged
        assert judged is not None, "the candidates were judged"
        if judged.choice.step or self.anyway or self.untuned:
            return
        action = f"{STAY}; 'anyway' hands out the tuned voice all the same. All that was found: {self.page}"
        raise LabError("FINETUNE_NOT_BETTER", f"No voice is handed out: {self.verdict.words}", "", action)
