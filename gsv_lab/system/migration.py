"""Old names and their new ones: classes, arguments, losses, options, stages, conditions.

Weight and voice files that were written with the old names go on loading (`gsv_lab.checkpoint.legacy` maps them where
they are read). A configuration, a call or a command that uses an old name gets one error that says the new one. Taps
and TensorBoard tags are only read by people; their old names stand in `docs/migration.md`, with these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gsv_lab.errors import ConfigError

CLASSES = {
    "gsv_lab.models.sovits.SoVITS": "gsv_lab.nn.sovits.SoVITS or gsv_lab.extensions.sovits.ExtendedSoVITS",
    "gsv_lab.nn.content_encoder.PhoneContentEncoder": "gsv_lab.extensions.phone_content_encoder.PhoneContentEncoder",
    "gsv_lab.nn.letter_to_sound.LetterToSound": "gsv_lab.extensions.letter_to_sound.LetterToSound",
    "gsv_lab.nn.recogniser.DelayRecogniser": "gsv_lab.extensions.phone_recogniser.DelayRecogniser",
    "gsv_lab.nn.verifier.SpeakerVerifier": "gsv_lab.extensions.speaker_verifier.SpeakerVerifier",
    "gsv_lab.nn.speaker_encoder.PitchedSpeakerEncoder": (
        "gsv_lab.extensions.measured_speaker_encoder.MeasuredSpeakerEncoder"
    ),
    "gsv_lab.nn.pitch_predictor.PitchPredictor": "gsv_lab.extensions.pitch_predictor.PitchPredictor",
    "gsv_lab.nn.vocoder.HiFiGAN": "gsv_lab.nn.hifigan.HiFiGAN",
    "gsv_lab.nn.vocoder_istft.InverseSTFTVocoder": "gsv_lab.extensions.istft_vocoder.InverseSTFTVocoder",
    "gsv_lab.nn.vocoder_source.SourceFilterVocoder": "gsv_lab.extensions.source_filter_vocoder.SourceFilterVocoder",
    "gsv_lab.nn.discriminators.Discriminators": "gsv_lab.nn.discriminators.CombinedDiscriminator",
    "gsv_lab.nn.discriminators.ReleasedDiscriminators": "gsv_lab.nn.discriminators.MultiPeriodDiscriminator",
    "gsv_lab.nn.discriminators.ScaleJudge": "gsv_lab.nn.discriminators.ScaleDiscriminator",
    "gsv_lab.nn.discriminators.PeriodJudge": "gsv_lab.nn.discriminators.PeriodDiscriminator",
    "gsv_lab.nn.discriminators.SpectrumJudge": "gsv_lab.extensions.resolution_discriminator.ResolutionDiscriminator",
    "gsv_lab.nn.pitch.PitchedLogMel": "gsv_lab.extensions.frontend.LogMelF0Frontend",
    "gsv_lab.nn.pointer.TextPointer": "gsv_lab.extensions.monotonic_alignment.MonotonicAlignment",
    "gsv_lab.nn.memory.ReferenceMemory": "gsv_lab.extensions.residual_correction.ResidualCorrection",
    "gsv_lab.nn.postfilter.LatentPostfilter": "gsv_lab.extensions.postfilter.LatentPostfilter",
    "gsv_lab.nn.postfilter.FormantPostfilter": "gsv_lab.extensions.postfilter.FormantPostfilter",
    "gsv_lab.nn.eres2net.ERes2NetV2": "gsv_lab.released.eres2net.ERes2NetV2",
    "gsv_lab.corpora.disguise.Disguise": "gsv_lab.corpora.augmentation.SpeedAndEQAugmentation",
}
"""Old class path -> new one."""

ARGUMENTS = {
    "gsv_lab.nn.discriminators.CombinedDiscriminator": {"judges": "discriminators"},
    "gsv_lab.extensions.measured_speaker_encoder.MeasuredSpeakerEncoder": {"colours": "ltas_dim"},
    "gsv_lab.extensions.pitch_predictor.PitchPredictor": {"rate": "f0_frames"},
    "gsv_lab.extensions.source_filter_vocoder.SourceFilterVocoder": {"colours": "ltas_dim"},
    "gsv_lab.extensions.monotonic_alignment.AlignedSemanticGPT": {"moves": "max_advance"},
    "gsv_lab.nn.semantic_gpt.SemanticGPT": {"moves": "max_advance of AlignedSemanticGPT"},
    "gsv_lab.nn.prior.TextContentPrior": {"pointed": "the class gsv_lab.extensions.phone_index_prior.PhoneIndexPrior"},
    "gsv_lab.corpora.sovits_data.SoVITSData": {"disguise": "augmentation"},
    "gsv_lab.corpora.augmentation.SpeedAndEQAugmentation": {"filter_db": "eq_db"},
    "gsv_lab.training.sovits_task.SoVITSTask": {
        "judged_frames": "discriminated_frames",
        "unplaced": "phone_index_dropout",
        "start_file": "start_from at the top of the configuration",
    },
    "gsv_lab.training.gpt_task.GPTTask": {"start_file": "start_from at the top of the configuration"},
}
"""Class path -> old argument -> new one."""

LOSSES = {"expected_mel": "prior_mel", "melody": "f0_variance", "move": "advance"}
"""Old key of `weights` -> new one."""

OPTIONS = {
    "takes": "candidates",
    "pace": "codes_per_phone",
    "quality": "conditions (of gsv-lab evaluate)",
}
"""Old option of a command (there with dashes) or keyword of a call -> new one."""

LAB = {
    "align": "recordings.align",
    "clarity": "recordings.reranker().score",
    "critic": "recordings.reranker",
    "fingerprints": "recordings.fingerprints",
    "memory": "recordings.residuals",
    "places": "recordings.phone_index",
    "prompt": "recordings.prompt",
    "recognised": "recordings.recognised",
    "references": "recordings.references",
    "speaker": "recordings.speaker",
    "word_timings": "recordings.word_timings",
}
"""Old attribute of a `Lab` -> where it is now, from the lab."""

STAGES = {"judge_en": "recogniser_en", "judge_zh": "recogniser_zh", "verifier": "speaker_verifier"}
"""Old stage of a family's training -> new one."""

CONDITIONS = {"true_codes": "resynthesis"}
"""Old condition of a comparison -> new one."""


def renamed(old: str, new: str) -> ConfigError:
    """The error for an old name, CONFIG_RENAMED."""
    return ConfigError("CONFIG_RENAMED", f"{old} has another name now", new, "docs/migration.md lists all old names")


def refuse_old_names(names: Iterable[str], table: Mapping[str, str], kind: str) -> None:
    """Refuse names that are the old ones of a table; `kind` says what they name.

    Raises:
        ConfigError: CONFIG_RENAMED, with the new name.
    """
    for name in names:
        if name in table:
            raise renamed(f"The {kind} '{name}'", f"'{table[name]}'")


def refuse_old_options(options: Mapping[str, object], call: str) -> None:
    """Refuse keyword arguments that a call does not have.

    Raises:
        ConfigError: CONFIG_RENAMED, with the new name. TypeError: there never was such an option.
    """
    refuse_old_names(options, OPTIONS, f"option of {call}")
    for name in options:
        raise TypeError(f"{call} has no option '{name}'")
