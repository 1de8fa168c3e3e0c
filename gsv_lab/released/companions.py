"""The large networks that the released families lean on: HuBERT encodes what is said, BERT the text around a phone.

Both are handed a finished network of `transformers` and only bring it into its role. Opening folders is the business
of the functions at the end; `transformers` is imported there and nowhere else.
Letters: B batch, T samples, F frames at 50 Hz, D content width, C context width, P phones, U units (characters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.errors import CheckpointError, LabError
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import ContentEncoder, ContextEncoder, Encoded
from gsv_lab.text import Phones
from gsv_lab.text.context import per_phone

COMMAND = "Run: pip install -c constraints.txt -e '.[released]'"


class HubertContent(ContentEncoder):
    """Content from a HuBERT: its last hidden states.

    wave (B, 1, T) at 16 kHz -> Encoded(content (B, D, F), None)

    The wave goes in as it is, in [-1, 1]; the released models were not given one of zero mean and unit deviation.
    Frames are 20 ms, the first and last without padding, so a second of sound gives 49 of them.
    Source: Hsu et al. 2021, arXiv:2106.07447.

    Args:
        model: a `HubertModel` of `transformers`.
    """

    frames = Tap("batch dim frame", rate=50.0, meaning="frames as they enter the first layer", read_only=True)
    content = Tap("batch dim frame", rate=50.0, meaning="last hidden states: what is said")

    sample_rate = 16000
    frame_rate = 50.0

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.dim = int(model.config.hidden_size)

    def forward(self, wave: Tensor, mask: Tensor | None = None) -> Encoded:
        """See the class; `mask` silences samples."""
        # All hidden states are kept only while somebody looks at the first of them.
        looked = self.frames.live() is not None
        found = self.model((wave if mask is None else wave * mask)[:, 0], output_hidden_states=looked)
        if looked:
            self.frames(found.hidden_states[0].transpose(1, 2))
        return Encoded(self.content(found.last_hidden_state.transpose(1, 2)))


class BertContext(ContextEncoder):
    """Context from a Chinese BERT: the third last of its hidden states, repeated for the phones of each character.

    Phones -> (C, P); zeros where the text is not Mandarin, as the released models were trained

    Each Mandarin stretch is read by itself. Characters are looked up one by one, so that there is one hidden state for
    each unit whatever the vocabulary knows.
    Source: Devlin et al. 2019, arXiv:1810.04805.

    Args:
        model: a `BertModel` of `transformers`.
        vocabulary: token -> number, with [CLS], [SEP] and [UNK].
        layer: which hidden state, counted from the last.
    """

    units = Tap("channel unit", meaning="BERT's hidden state of each character; zeros where none is read")
    features = Tap("channel phone", meaning="the same for each phone")

    def __init__(self, model: Any, vocabulary: Mapping[str, int], layer: int = -3) -> None:
        super().__init__()
        missing = [name for name in ("[CLS]", "[SEP]", "[UNK]") if name not in vocabulary]
        if missing:
            raise CheckpointError("CKPT_FORMAT", f"BERT's vocabulary lacks {missing[0]}", "one of a Chinese BERT")
        self.model, self.vocabulary, self.layer = model, dict(vocabulary), layer
        self.dim, self.longest = int(model.config.hidden_size), int(model.config.max_position_embeddings) - 2

    def forward(self, phones: object) -> Tensor:
        """See the class."""
        if not isinstance(phones, Phones) or not phones.words:
            raise TypeError(f"context features are made of the Phones that phonemize returns, not of {phones!r:.40}")
        device = self.model.device
        columns = [
            self.hidden(text) if language == "zh" else torch.zeros(self.dim, units, device=device)
            for language, text, units in stretches(phones)
        ]
        return self.features(per_phone(self.units(torch.cat(columns, dim=1)), phones))

    @torch.no_grad()
    def hidden(self, text: str) -> Tensor:
        """Hidden states of a text's characters: (C, U)."""
        unknown = self.vocabulary["[UNK]"]
        middle = [self.vocabulary.get(character, unknown) for character in text]
        pieces = []
        for start in range(0, len(middle), self.longest):
            ids = [self.vocabulary["[CLS]"], *middle[start : start + self.longest], self.vocabulary["[SEP]"]]
            numbers = torch.tensor([ids], device=self.model.device)
            states = self.model(numbers, output_hidden_states=True).hidden_states
            pieces.append(states[self.layer][0, 1:-1])
        return torch.cat(pieces).t()


def stretches(phones: Phones) -> list[tuple[str, str, int]]:
    """Runs of one language: (language, text, units). A mark belongs to the words before it, a first one to those after.

    Raises:
        ValueError: a Mandarin run has not one unit for each character.
    """
    current = next((word.language for word in phones.words if word.language), "")
    runs: list[tuple[str, str, int]] = []
    for word in phones.words:
        current = word.language or current
        if runs and runs[-1][0] == current:
            _, text, units = runs.pop()
            runs.append((current, text + word.text, units + word.units))
        else:
            runs.append((current, word.text, word.units))
    for language, text, units in runs:
        if language == "zh" and len(text) != units:
            raise ValueError(f"'{text[:20]}' has {len(text)} characters but {units} units")
    return runs


def load_hubert(folder: str | Path) -> HubertContent:
    """A HuBERT from a folder with `config.json` and its weights; nothing is downloaded.

    Raises:
        LabError: EXTRA_MISSING. CheckpointError: CKPT_CORRUPT, the folder cannot be read.
    """
    return HubertContent(_pretrained("HubertModel", Path(folder)))


def load_bert(folder: str | Path) -> BertContext:
    """A BERT from a folder with `config.json`, its weights, and `vocab.txt` or `tokenizer.json`; as `load_hubert`."""
    folder = Path(folder)
    return BertContext(_pretrained("BertModel", folder), read_vocabulary(folder))


def read_vocabulary(folder: Path) -> dict[str, int]:
    """Token -> number, from `vocab.txt` (one token a line) or `tokenizer.json`.

    Raises:
        CheckpointError: CKPT_MISSING, CKPT_CORRUPT.
    """
    lines, table = folder / "vocab.txt", folder / "tokenizer.json"
    try:
        if lines.is_file():
            return {line: number for number, line in enumerate(lines.read_text(encoding="utf-8").split("\n")) if line}
        if table.is_file():
            known = json.loads(table.read_text(encoding="utf-8"))["model"]["vocab"]
            return {str(token): int(number) for token, number in known.items()}
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            "CKPT_CORRUPT", f"The vocabulary in {folder.name} cannot be read", "a whole file"
        ) from error
    raise CheckpointError("CKPT_MISSING", f"{folder.name} has no vocabulary", "vocab.txt or tokenizer.json in it")


def transformers() -> Any:
    """The optional package.

    Raises:
        LabError: EXTRA_MISSING, with the command.
    """
    try:
        import transformers as package
    except ImportError as error:
        raise LabError(
            "EXTRA_MISSING", f"The package {error.name or 'transformers'!r} is not installed",
            "the extra [released]", COMMAND,
        ) from error  # fmt: skip
    return package


def _pretrained(kind: str, folder: Path) -> nn.Module:
    package = transformers()
    bars = package.utils.logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        options = {"local_files_only": True, "output_loading_info": True}
        model, about = getattr(package, kind).from_pretrained(folder, **options)
    # Damaged weights and configurations make the package fail in many ways; all mean the same to the person.
    except Exception as error:
        why = (str(error).replace(str(folder), folder.name).splitlines() or [""])[0][:120]
        raise CheckpointError("CKPT_CORRUPT", f"{folder} cannot be read ({why})", f"a folder of a {kind}") from error
    finally:
        if shown:
            bars.enable_progress_bar()
    missing = sorted(key for key in about["missing_keys"] if not key.startswith(("pooler.", "masked_spec_embed")))
    if missing or about["mismatched_keys"]:
        raise CheckpointError(
            "CKPT_KEYS", f"{folder}: {len(missing)} tensors missing {missing[:3]}", f"all those of a {kind}"
        )
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CheckpointError(
                "CKPT_NONFINITE", f"'{name}' in {folder.name} holds NaN or infinity", "finite weights"
            )
    return model.float().eval()
