"""The lab: one object that holds a base model and does with it what a person wants to do.

    lab = gsv_lab.load("nano")
    voice = lab.clone("me.wav")
    speech = lab.speak("Any text.", voice)

The command line and the widgets call nothing else. Letters: T samples, F25 codes, P phones.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, nn

from gsv_lab import audio
from gsv_lab.errors import ConfigError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.hooks import Edit, probe
from gsv_lab.inference.blending import blend
from gsv_lab.inference.family import Family
from gsv_lab.inference.generation import Generation, GenerationOptions, Utterance
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.networks import VoiceNetworks
from gsv_lab.inference.notice import remind
from gsv_lab.inference.reading import both, read, read_reference, with_pauses
from gsv_lab.inference.recordings import Recordings
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.inference.together import Line, spoken_together
from gsv_lab.inference.utterance import Speech, joined
from gsv_lab.inference.voice import Voice
from gsv_lab.nn.speaker_encoder import mean_speaker
from gsv_lab.system.environment import default_model
from gsv_lab.system.folders import private_folder
from gsv_lab.system.machine import pick_device, pick_precision
from gsv_lab.system.migration import LAB, refuse_old_options
from gsv_lab.system.seeds import seeded
from gsv_lab.system.threads import settle_threads
from gsv_lab.text import Phones
from gsv_lab.text.user_dictionary import Lexicon, user_dictionary

if TYPE_CHECKING:
    from gsv_lab.corpora.prepare import Prepared


def load(name: str = "", device: str = "cpu", precision: str = "32") -> Lab:
    """A lab with a base model: `nano` (the newest that is shipped), an exact version, a released family (`v1`, `v2`,
    `v2Pro`, `v2ProPlus`), or a folder with weights.

    Without a name it is what the environment variable `GSV_LAB_MODEL` says, else `nano`. The networks lie on `device`
    and multiply in `precision`, see `gsv_lab.system.machine`; what a lab takes and gives lies on the CPU all the same.

    Raises:
        CheckpointError: there is no such model, or its files are damaged. ConfigError: DEVICE_MISSING,
            PRECISION_UNKNOWN.
    """
    place = pick_device(device)
    chosen = pick_precision(precision, place)
    family = load_family(name or default_model())
    family.synthesizer.to(place).precision = chosen
    settle_threads(family.synthesizer)
    return Lab(family)


class Lab:
    """A base model and the verbs of the kit.

    Args:
        family: base weights with their defaults.

    Attributes:
        recordings: what the networks find in recordings (`gsv_lab.inference.recordings`).
        networks: those of the voices (`gsv_lab.inference.networks`).
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.recordings = Recordings(family)
        self.sample_rate = family.synthesizer.sample_rate
        self.networks = VoiceNetworks(family.synthesizer)

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
        lexicon: Lexicon = None,
        anyway: bool = False,
    ) -> Voice:
        """A voice from one recording or a few, at once and without training.

        Args:
            source: any sound file with at least 3 s of speech; of a longer one the best 3 to 10 s are taken. The
                speaker vectors of several are averaged; the first one is the prompt.
            text: what is said in the first; with it the voice's rhythm is continued, too. Only used when all speech
                of the file is taken.
            language: of `text`.
            consent: note on who agreed to this voice, kept in the voice file.
            name: of the voice; the file's name if empty.
            verification: vector (1, V) of the speaker-verification network of the released Pro models; made here if
                None. Other families take none.
            tuned: a voice from `finetune`; the new one speaks with its networks, and as this recording does.
            lexicon: a user's dictionary, word -> reading or a file, which the voice keeps.
            anyway: take a recording that is too noisy (`AUDIO_NOISY`), too.

        Raises:
            AudioError: the recording cannot be used. TextError: the text cannot be read. DataError: it cannot be what
                is said (`ALIGN_IMPLAUSIBLE`). CheckpointError: `tuned` belongs to other weights.
        """
        remind()
        dictionary = both(lexicon, {} if tuned is None else tuned.lexicon)
        paths, clips = self.recordings.references(source, anyway)
        first, phones = clips[0], None
        if text and first.complete:
            phones = self.family.phones(read_reference(text, language, dictionary))
            self.recordings.check_text(first, text, phones)
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
            **({} if tuned is None else tuned.networks),
            consent=consent,
            settings={
                "source": " ".join(path.name for path in paths),
                "seconds": [[round(clip.start, 2), round(clip.end, 2)] for clip in clips],
            },
            residuals=self.recordings.residuals(spoken, speaker, networks),
            lexicon=dictionary.readings,
        )

    def prepare(self, paths: Sequence[str | Path], output: str | Path, **options: Any) -> Prepared:
        """Recordings of one person to a folder that `finetune` takes; options: `gsv_lab.corpora.prepare.prepare`.

        The lab's own recogniser aligns long recordings with their text, and writes hints where there is none.
        """
        from gsv_lab.corpora.prepare import prepare

        options["lexicon"] = user_dictionary(options.get("lexicon"))
        return prepare(
            paths,
            output,
            align=partial(self.recordings.word_timings, lexicon=options["lexicon"]),
            recognise=self.recordings.recognised,
            embed=self.recordings.person if self.family.extra("speaker_verifier") else None,
            **options,
        )

    def finetune(self, folder: str | Path, **options: Any) -> Voice:
        """A voice tuned on a prepared folder, or one recording; options: `gsv_lab.training.finetuning.run.finetune`."""
        from gsv_lab.training.finetuning.run import finetune

        remind()
        with private_folder() as private:
            if os.path.isfile(folder):
                folder = self.prepare([folder], private / Path(folder).stem).folder
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
        lexicon: Lexicon = None,
        **unknown: Any,
    ) -> Iterator[Speech]:
        """Say a text sentence by sentence; each comes as soon as it is made. Options left out take the model's
        defaults.

        Args:
            text: at most 20,000 characters; `[emph]...[/emph]` marks emphasis, `[pause 0.5s]` a pause.
            voice: from `clone`, `finetune` or a file.
            language: `en`, `zh` or `auto`.
            seed: of everything random, any whole number.
            temperature: of code sampling, 0 (always the likeliest) or more; lower is steadier.
            top_k: codes to choose from.
            top_p: share of probability to choose from, in (0, 1].
            repetition_penalty: above 0; 1 is none, more repeats less.
            noise_scale: liveliness of the sound, 0 to 2.
            speed: 1.3 is 1.3 times as fast; 0.5 to 2.
            candidates: of each sentence; the one is kept in which the aligner finds the text best. Under a probe 1.
            chunk_seconds: hand out each sentence in pieces of about this length, the first one sooner.
            batch: sentences of like length whose codes are decoded together; other samples than one by one.
            lexicon: a user's dictionary, word -> reading or a file; it wins over the one that the voice keeps.
            unknown: nothing else; an old name raises an error that says the new one.

        Raises:
            TextError: nothing to say, or too long. CheckpointError: the voice belongs to other weights. ConfigError:
                an option out of its range, or one that has another name now.
        """
        refuse_old_options(unknown, "stream")
        options = GenerationOptions(temperature, top_k, top_p, repetition_penalty, noise_scale, speed, candidates)
        synthesizer = self.synthesizer_for(voice)
        generation = Generation(self.family, synthesizer, voice, options, seed, self.recordings.reranker())
        sentences = read(text, language, both(lexicon, voice.lexicon))
        texts = [self.family.phones(sentence.phones) for sentence in sentences]
        batched = generation.together(texts, batch) if batch > 1 else None
        for number, sentence in enumerate(sentences):
            made = [next(batched)] if batched else generation.parts(number, texts[number], chunk_seconds)
            phones = None if chunk_seconds and not batched else texts[number]
            yield from with_pauses((self._speech(part, phones, voice.name) for part in made), sentence)

    def speak_together(
        self, lines: Sequence[tuple[str, Voice]], language: str = "auto", seed: int = 0, batch: int = 8, **options: Any
    ) -> list[Speech]:
        """Say several texts, each in a voice of its own: codes of up to `batch` sentences are decoded together.

        Options as in `stream`, but for `chunk_seconds`. Where none is drawn (`top_k=1`) the codes are those of `speak`.
        """
        lexicon, reranker = options.pop("lexicon", None), self.recordings.reranker()
        chosen = GenerationOptions.of("speak_together", options)
        spoken = []
        for text, voice in lines:
            generation = Generation(self.family, self.synthesizer_for(voice), voice, chosen, seed, reranker)
            spoken.append(Line(generation, read(text, language, both(lexicon, voice.lexicon))))
        return spoken_together(self.family.synthesizer, spoken, batch, self._speech)

    def blend(self, voices: Sequence[Voice], weights: Sequence[float] = (), name: str = "") -> Voice:
        """A voice between some, see `gsv_lab.inference.blending.blend`."""
        for voice in voices:
            voice.check_parent(self.version, self.recordings.fingerprints)
        return blend(self.family.synthesizer, voices, weights, name)

    def synthesizer_for(self, voice: Voice) -> Synthesizer:
        """The networks with a voice's own tensors; the base networks if it has none. See `VoiceNetworks`.

        Raises:
            CheckpointError: CKPT_PARENT_MISMATCH; CKPT_KEYS, CKPT_SHAPE, CKPT_RANGE, see `Voice.check_fit`.
        """
        voice.check_parent(self.version, self.recordings.fingerprints)
        return self.networks.of(voice)

    def copy_synthesis(self, wave: Tensor, voice: Voice | None = None) -> Speech:
        """A recording (T,) through posterior and vocoder: what the acoustic half can do at best."""
        synthesizer = self.family.synthesizer if voice is None else self.synthesizer_for(voice)
        speaker = synthesizer.voice([wave]) if voice is None else voice.speaker
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
        generator = seeded(seed)
        if synthesizer.sovits.quantizer.n_codes:
            codes, phone_index = synthesizer.encode(wave), None
            if synthesizer.semantic_gpt.max_advance:
                phone_index = self.recordings.phone_index(wave, phones, codes.shape[-1])[None]
            made = synthesizer.speak(codes, phones, speaker, noise_scale, 1.0, generator, phone_index, residuals)
        else:
            codes = torch.zeros(1, 0, dtype=torch.int64)
            made = synthesizer.resynthesize_content(wave, phones, speaker, noise_scale, generator)
        return self._speech(Utterance(made, codes[0], {"condition": "resynthesis"}), phones, "resynthesis")

    def _speech(self, utterance: Utterance, phones: Phones | None, voice: str) -> Speech:
        mark = audio.Mark(self.version, voice, settings=utterance.settings)
        wave, codes, settings = utterance
        peak = float(wave.abs().max()) if wave.numel() else 0.0
        wave = wave / max(1.0, peak)
        return Speech(wave, self.sample_rate, codes, phones, mark, settings, self.recordings.align)
