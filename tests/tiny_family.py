"""A corpus and the configurations of a whole family at tiny size, for tests that train all stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import soundfile
import yaml

from gsv_lab.corpora.synthetic import SyntheticCorpus
from tiny import (
    ALIGNED_PRIOR,
    CONTENT,
    DISCRIMINATORS,
    GPT,
    PLANNED_GPT,
    RECOGNISERS,
    SOVITS,
    TEXTS,
    VERIFIER,
    experiment,
    spec,
)


def write_corpus(folder: Path) -> Path:
    """A corpus in table form with three speakers."""
    corpus = SyntheticCorpus(n_speakers=3, n_clips=12, seed=1)
    rows = ["path|speaker|language|text|split"]
    for i in range(12):
        name = f"s{i % 3}/c{i:02d}.wav"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, corpus[i].wave, 16000)
        split = "valid" if i in (3, 4, 5) else "dev_speaker" if i in (6, 7) else "train"
        rows.append(f"{name}|s{i % 3}|{'zh' if i % 4 > 1 else 'en'}|{TEXTS[i % 4]}|{split}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def write_configs(folder: Path) -> Path:
    """The configurations of a family at tiny size, one batch each."""
    letters = spec("extensions.letter_to_sound.LetterToSound", n_letters=27, n_phones=70, dim=8, width=8)
    quantizer = spec("nn.quantizer.VectorQuantizer", dim=12, n_codes=512, projection="mean", hop=2)
    sovits = {**SOVITS, "init_args": {**SOVITS["init_args"], "quantizer": quantizer}}
    gpt, planned = ({**net, "init_args": {**net["init_args"], "n_codes": 512}} for net in (GPT, PLANNED_GPT))
    tasks = {
        "content": spec("training.content_task.ContentTask", content_encoder=CONTENT),
        "sovits": spec(
            "training.sovits_task.SoVITSTask",
            sovits=sovits,
            discriminators=DISCRIMINATORS,
            quantizer_file="${sizes.quantizer}",
        ),
        "gpt": spec("training.gpt_task.GPTTask", semantic_gpt=gpt, guided_layer=1),
        "durations": spec("training.duration_task.DurationTask", semantic_gpt=planned),
        "speaker_verifier": spec("training.verifier_task.VerifierTask", verifier=VERIFIER, n_speakers=3),
        "recogniser_en": spec("training.recogniser_task.RecogniserTask", recogniser=RECOGNISERS["en"]),
        "recogniser_zh": spec("training.recogniser_task.RecogniserTask", recogniser=RECOGNISERS["zh"]),
        "g2p": spec("training.g2p_task.G2PTask", letter_to_sound=letters),
    }
    data = {
        "content": spec("corpora.content_data.ContentData", store="x"),
        "sovits": spec("corpora.sovits_data.SoVITSData", store="x", windows=2, window_seconds=1.0, worst_fit=-90.0),
        "gpt": spec("corpora.gpt_data.GPTData", store="x", worst_fit=-90.0),
        "durations": spec("corpora.gpt_data.GPTData", store="x", prompted=0.0, worst_fit=-90.0),
        "speaker_verifier": spec("corpora.verifier_data.VerifierData", store="x", speakers=2),
        "recogniser_en": spec("corpora.recogniser_data.RecogniserData", store="x"),
        "recogniser_zh": spec("corpora.recogniser_data.RecogniserData", store="x"),
        "g2p": spec("corpora.letter_data.LetterData", batch_words=8),
    }
    folder.mkdir()
    for name, task in tasks.items():
        content = {**experiment(task, data[name], 1), "sizes": {"quantizer": ""}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    discriminator = spec("extensions.latent_discriminator.LatentDiscriminator", latent_dim=8, speaker_dim=16)
    overlays: dict[str, dict[str, Any]] = {
        "prior": {
            "latent_training": spec("extensions.latent_discriminator.LatentTraining"),
            "discriminators": None,
            "weights": {"kl": 1.0, "latent": 20.0},
            "sovits": {"init_args": {"from_prior": 0.0, "prior": ALIGNED_PRIOR}},
        },
        "prior_adversary": {
            "latent_training": spec("extensions.latent_discriminator.LatentTraining", discriminator=discriminator),
            "adversarial_from": 0.0,
        },
    }
    for name, changed in overlays.items():
        over = yaml.safe_dump({"name": f"tiny-{name}", "task": {"init_args": changed}})
        (folder / f"{name}.yaml").write_text(over, encoding="utf-8")
    return folder
