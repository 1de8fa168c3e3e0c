"""Old names and their new ones: classes, arguments, tensors.

Weight and voice files that were written with the old names go on loading (`gsv_lab.checkpoint.native` maps them where it
reads). A configuration or a call that uses an old name gets one error that says the new one.
"""

from __future__ import annotations

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
    "gsv_lab.nn.discriminators.SpectrumJudge": "gsv_lab.nn.discriminators.ResolutionDiscriminator",
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
    "gsv_lab.training.sovits_task.SoVITSTask": {
        "judged_frames": "discriminated_frames",
        "unplaced": "phone_index_dropout",
    },
}
"""Class path -> old argument -> new one."""

LOSSES = {"expected_mel": "prior_mel", "melody": "f0_variance"}
"""Old key of `weights` -> new one."""
