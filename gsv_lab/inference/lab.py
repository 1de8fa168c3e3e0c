"""The lab: one object that holds a base model and does with it what a person wants to do.

    lab = gsv_lab.load("nano")
    voice = lab.clone("me.wav")
    speech = lab.speak("Any text.", voice)

The command line and the widgets call nothing else. Letters: T samples, F25 codes, P phones.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, nn

from gsv_lab import audio
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.hooks import Edit, probe
from gsv_lab.inference.family import Family
from gsv_lab.inference.generation import Generation, GenerationOptions, Utterance
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.recordings import Recordings
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.inference.utterance import Speech, joined
from gsv_lab.inference.voice import Voice, tuned_synthesizer
from gsv_lab.nn.speaker_encoder import mean_speaker
from gsv_lab.system.environment import default_model
from gsv_lab.system.migration import LAB, refuse_old_options
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.split import split_sentences

if TYPE_CHECKING:
    from gsv_lab.corpora.prepare import Prepared

NOTICE = (
    "Clone only your own voice, or that of a person who has agreed to it. "
    "Everything made here is marked as synthetic in the file."
)


class VoiceNotice(UserWarning):
    """The reminder that a voice belongs to a person; shown once a process."""


def remind() -> None:
    """Say once in this process whose voice may be cloned."""
    warnings.warn(NOTICE, VoiceNotice, stacklevel=3)


def load(name: str = "") -> Lab:
    """A lab with a base model: `nano` (the newest that is shipped), an exact version, a released family (`v1`, `v2`,
    `v2Pro`, `v2ProPlus`), or a folder with weights.

    Without a name it is what the environment variable `GSV_LAB_MODEL` says, else `nano`.

    Raises:
        CheckpointError: there is no such model, or its files are damaged.
    """
    return Lab(load_family(name or default_model()))


class Lab:
    """A base model and the verbs of the kit.

    Args:
        family: base weights with their defaults.

    Attributes:
        recordings: what the networks find in recordings (`gsv_lab.inference.recordings`).
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.recordings = Recordings(family)
        self.sample_rate = family.synthesizer.sample_rate
        self._tuned: dict[str, Synthesizer] = {}

    def __getattr__(self, name: str) -> NoReturn:
        """Called for what a lab does not have; for what it once had, the error says where it is now."""
        if name in LAB:
            raise AttributeError(f"lab.{name} has another place now: lab.{LAB[name]}")
        raise AttributeError(f"A Lab has no attribute '{name}'")

    @property
    def version(self) -> str:
        """Version of the base weights."""
        return self.family.version

    def components(self) -> dict[str, nn.Module]:
        """Every part of the base model by name, for probes."""
        return self.family.synthesizer.components()

    def clone(
        self,
        source: str | Path | Sequence[str | Path],
        text: str | None = None,
        language: str = "auto",
        consent: str = "",
        name: str = "",
        verification: Tensor | None = None,
        tuned: Voice | None = None,
    ) -> Voice:
        """A voice from one recording or a few, at once and without training.

        Args:
            source: any sound file with at least 3 s of speech; of a longer one the best 3 to 10 s are taken. The
                speaker vectors of several are averaged; the first one is the prompt.
            text: what is said in the first; with it the voice's rhythm is continued, too. Only used when the whole
                file is taken.
            language: of `text`.
            consent: note on who agreed to this voice, kept in the voice file.
            name: of the voice; the file's name if empty.
            verification: vector (1, V) of the speaker-verification network of the released Pro models; made here if
                None. Other families take none.
            tuned: a voice from `finetune`; the new one speaks with its networks, and as this recording does.

        Raises:
            AudioError: the recording cannot be used. TextError: the text cannot be read. CheckpointError: `tuned`
                belongs to other weights.
        """
        remind()
        paths, clips = self.recordings.references(source)
        first, phones = clips[0], None
        if text and not first.why:
            phones = self.family.phones(phonemize(text, language))
        elif text:
            warnings.warn("REF_TEXT: the reference was cut, so its text is not used", stacklevel=2)
        vectors = [self.recordings.speaker(clip.samples, verification) for clip in clips]
        speaker = mean_speaker(vectors)
        networks = None
        if tuned is not None:
            networks = self.synthesizer_for(tuned)
            consent = consent or tuned.consent
        spoken = [(clip.samples, phones if clip is first else None) for clip in clips]
        return Voice(
            name=name or paths[0].stem,
            parent=self.version,
            parents=self.recordings.fingerprints,
            speaker=speaker,
            prompt=self.recordings.prompt(first.samples, phones),
            changed={} if tuned is None else tuned.changed,
            consent=consent,
            settings={
                "source": " ".join(path.name for path in paths),
                "seconds": [[round(clip.start, 2), round(clip.end, 2)] for clip in clips],
            },
            residuals=self.recordings.residuals(spoken, speaker, networks),
        )

    def prepare(self, paths: Sequence[str | Path], output: str | Path, **options: Any) -> Prepared:
        """Recordings of one person to a folder that `finetune` takes; options: `gsv_lab.corpora.prepare.prepare`.

        The lab's own recogniser aligns long recordings with their text, and writes hints where there is none.
        """
        from gsv_lab.corpora.prepare import prepare

        return prepare(
            paths,
            output,
            align=self.recordings.word_timings,
            recognise=self.recordings.recognised,
            embed=self._speaker_verifier(),
            **options,
        )

    def finetune(self, folder: str | Path, **options: Any) -> Voice:
        """A voice tuned on a prepared folder (or one recording); options: `gsv_lab.training.finetune.finetune`."""
        from gsv_lab.training.finetune import finetune

        if not self.family.tunable:
            problem = f"Voices of {self.version} cannot be tuned yet"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "nano", "Use clone instead")
        remind()
        return finetune(self.family, self.recordings, folder, **options)

    def speak(
        self,
        text: str,
        voice: Voice,
        language: str = "auto",
        seed: int = 0,
        *,
        edits: Sequence[Edit] = (),
        **options: Any,
    ) -> Speech:
        """Say a text in a voice; options as in `stream`, but for `chunk_seconds`.

        Same text, voice, options and seed: same samples on one machine.

        `edits`, see `gsv_lab.hooks`: short for a probe with them around the call, in the networks of this voice.
        Under a probe each sentence has one candidate; for a comparison speak the unedited one with `candidates=1` too.

        Raises:
            HookError: PROBE_NESTED, a probe of this lab is open, which should have the edits; those of `probe`.
        """
        if options.get("chunk_seconds") is not None:
            raise ConfigError("PARAM_RANGE", "speak makes whole sentences", "no chunk_seconds", "Use stream")
        if edits:
            with probe(self.synthesizer_for(voice), edits=edits):
                return self.speak(text, voice, language, seed, **options)
        sentences = list(self.stream(text, voice, language, seed, **options))
        return joined(sentences, self.family.pause)

    def stream(
        self,
        text: str,
        voice: Voice,
        language: str = "auto",
        seed: int = 0,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float | None = None,
        noise_scale: float | None = None,
        speed: float = 1.0,
        candidates: int | None = None,
        chunk_seconds: float | None = None,
        batch: int = 1,
        **unknown: Any,
    ) -> Iterator[Speech]:
        """Say a text sentence by sentence; each comes as soon as it is made. Options left out take the model's
        defaults.

        Args:
            text: at most 20,000 characters; `[emph]...[/emph]` marks emphasis.
            voice: from `clone`, `finetune` or a file.
            language: `en`, `zh` or `auto`.
            seed: of everything random.
            temperature: of code sampling, 0 (always the likeliest) or more; lower is steadier.
            top_k: codes to choose from.
            top_p: share of probability to choose from, in (0, 1].
            repetition_penalty: above 0; 1 is none, more repeats less.
            noise_scale: liveliness of the sound, 0 to 2.
            speed: 1.3 is 1.3 times as fast; 0.5 to 2.
            candidates: of each sentence; the one is kept in which the aligner finds the text best. Under a probe 1.
            chunk_seconds: hand out each sentence in pieces of about this length, the first one sooner.
            batch: sentences of like length whose codes are decoded together; other samples than one by one.
            unknown: nothing else; an old name raises an error that says the new one.

        Raises:
            TextError: nothing to say, or too long. CheckpointError: the voice belongs to other weights. ConfigError:
                an option out of its range, or one that has another name now.
        """
        refuse_old_options(unknown, "stream")
        options = GenerationOptions(temperature, top_k, top_p, repetition_penalty, noise_scale, speed, candidates)
        synthesizer = self.synthesizer_for(voice)
        generation = Generation(self.family, synthesizer, voice, options, seed, self.recordings.reranker())
        sentences = split_sentences(text, language)
        texts = [self.family.phones(phonemize(sentence, language)) for sentence in sentences]
        if batch > 1:
            for phones, utterance in zip(texts, generation.together(texts, batch), strict=True):
                yield self._speech(utterance, phones, voice.name)
            return
        for number, phones in enumerate(texts):
            if chunk_seconds is None:
                yield self._speech(generation.whole(number, phones), phones, voice.name)
                continue
            for utterance in generation.pieces(number, phones, chunk_seconds):
                yield self._speech(utterance, None, voice.name)

    def synthesizer_for(self, voice: Voice) -> Synthesizer:
        """The networks with a voice's own tensors put in; the base networks if it has none. Tuned ones are kept.

        Raises:
            CheckpointError: CKPT_PARENT_MISMATCH.
        """
        voice.check_parent(self.version, self.recordings.fingerprints)
        if not voice.changed:
            return self.family.synthesizer
        key = f"{voice.name} {voice.created} {id(voice)}"
        if key not in self._tuned:
            # One at a time: a tuned model is as large as the base.
            self._tuned = {key: tuned_synthesizer(self.family.synthesizer, voice.changed)}
        return self._tuned[key]

    def copy_synthesis(self, wave: Tensor, voice: Voice | None = None) -> Speech:
        """A recording (T,) through posterior and vocoder: what the acoustic half can do at best."""
        if voice is None:
            synthesizer = self.family.synthesizer
            speaker = synthesizer.voice([wave])
        else:
            synthesizer = self.synthesizer_for(voice)
            speaker = voice.speaker
        made = synthesizer.copy(wave, speaker, torch.Generator().manual_seed(0))
        utterance = Utterance(made, torch.zeros(0, dtype=torch.int64), {"condition": "copy synthesis"})
        return self._speech(utterance, None, "copy")

    def resynthesize(
        self,
        wave: Tensor,
        phones: Phones,
        speaker: Tensor,
        seed: int = 0,
        residuals: Residuals | None = None,
    ) -> Speech:
        """A wave (T,) through its own codes (its content, where there are none), in a voice (1, G, 1).

        What SemanticGPT could do at best.
        """
        synthesizer, noise_scale = self.family.synthesizer, self.family.noise_scale
        phones = self.family.phones(phones)
        generator = torch.Generator().manual_seed(seed)
        settings = {"condition": "resynthesis"}
        if not synthesizer.sovits.quantizer.n_codes:
            made = synthesizer.resynthesize_content(wave, phones, speaker, noise_scale, generator)
            utterance = Utterance(made, torch.zeros(0, dtype=torch.int64), settings)
            return self._speech(utterance, phones, "resynthesis")
        codes = synthesizer.encode(wave)
        phone_index = None
        if synthesizer.semantic_gpt.max_advance:
            phone_index = self.recordings.phone_index(wave, phones, codes.shape[-1])[None]
        made = synthesizer.speak(codes, phones, speaker, noise_scale, 1.0, generator, phone_index, residuals)
        return self._speech(Utterance(made, codes[0], settings), phones, "resynthesis")

    def _speaker_verifier(self) -> Callable[[Tensor], Tensor] | None:
        """The family's own speaker verifier, (T,) -> (E,); None where it has none."""
        from gsv_lab.evaluation.own import speaker_verifier

        verifier = speaker_verifier(self)
        if verifier is None:
            return None
        return lambda wave: torch.from_numpy(verifier.embed(wave.numpy()))

    def _speech(self, utterance: Utterance, phones: Phones | None, voice: str) -> Speech:
        mark = audio.Mark(self.version, voice, settings=utterance.settings)
        wave = utterance.wave
        peak = float(wave.abs().max()) if wave.numel() else 0.0
        return Speech(
            wave / max(1.0, peak),
            self.sample_rate,
            utterance.codes,
            phones,
            mark,
            utterance.settings,
            self.recordings.align,
        )
