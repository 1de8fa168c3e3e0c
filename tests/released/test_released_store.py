"""Stores of the released families: what is in them, what is left out, and that they survive whatever stops them."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked import exit_status

from gsv_lab import audio
from gsv_lab.cli import main
from gsv_lab.corpora import journal, released_clips, released_store
from gsv_lab.corpora.readers import read
from gsv_lab.corpora.released_store import make_store
from gsv_lab.corpora.released_tracks import Networks, ReleasedTracks, load_networks
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.errors import DataError, LabError, TextError
from gsv_lab.released.loading import imported_file
from gsv_lab.system import files
from gsv_lab.text import phonemize
from released_files import VERIFIED, WIDTH, place
from released_stores import RATE, contents, write_clips, write_weights
from tiny import TEXTS
from tiny import make_store as make_nano_store

pytest.importorskip("transformers", reason="transformers is in the extra [released]")
QUIET = np.zeros(RATE)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """A forked process may not enter a pool of threads that its parent has begun."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def loaded(weights: Path) -> Networks:
    return load_networks("v2Pro", weights)


@pytest.fixture
def networks(loaded: Networks, monkeypatch: pytest.MonkeyPatch) -> Networks:
    """Networks that were loaded once, for tests that make one store many times."""
    monkeypatch.setattr(released_store, "load_networks", lambda family, companions: loaded)
    return loaded


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips that can be used, and in their middle one that cannot."""
    path = write_clips(tmp_path_factory.mktemp("clips"), quiet=(QUIET, TEXTS[0]))
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:2], lines[-1], *lines[2:-1]]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, clips: Path, weights: Path) -> Path:
    """A store that was made in one go."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    made = make_store(clips, "v2Pro", folder, weights)
    assert made.clips == 6 and [file for file, _ in made.left_out] == ["quiet.wav"] and made.held_out == 1
    return folder


def test_what_a_store_holds(whole: Path, clips: Path, weights: Path) -> None:
    """Every track against the network that makes it, clip by clip, as synthesis uses it."""
    store, networks = ClipStore(whole), load_networks("v2Pro", weights)
    assert (store.sample_rate, store.frame_rate, store.hop, store.family) == (32000, 50, 640, "v2Pro")
    assert not [path for path in whole.iterdir() if path.suffix in (".journal", ".part")]
    rows = {clip.id: clip for clip in read(clips)}
    hubert, codes, context, verification = (
        store.variants(n)[0] for n in ("hubert", "codes", "context", "verification")
    )
    identities = networks.identities()
    assert hubert == f"hubert-{identities['hubert']}" and context == f"context-{identities['bert']}"
    assert codes == f"codes-{identities['codebook']}-{identities['hubert']}"
    assert verification == f"verification-{identities['verifier']}" and networks.verifier is not None
    for index, row in enumerate(store.rows):
        recorded = audio.read(rows[row.id].path, 32000).samples
        assert len(recorded) == row.samples
        np.testing.assert_allclose(store.wave(index), recorded, atol=1 / 32000)
        phones = phonemize(row.text, row.language)
        assert store.track("symbols", index).tolist() == phones.ids
        wave = audio.resample(torch.from_numpy(store.wave(index)), 32000, 16000)
        with torch.no_grad():
            content = networks.content_encoder(wave[None, None]).content[0]
            expected = networks.context_encoder(phones).t()
            vector = networks.verifier.embed(wave)
        frames = row.samples // 640
        assert content.shape[1] in (frames, frames - 1)
        content = torch.nn.functional.pad(content[None], (0, frames - content.shape[1]), mode="replicate")
        stored = torch.from_numpy(store.track(hubert, index).astype(np.float32))
        assert stored.shape == (frames, WIDTH)
        torch.testing.assert_close(stored, content[0].t(), rtol=1e-3, atol=1e-3)
        assert store.track(codes, index).tolist() == networks.quantizer.encode(stored.t()[None])[0].tolist()
        assert len(store.track(codes, index)) == frames // 2
        torch.testing.assert_close(
            torch.from_numpy(store.track(context, index).astype(np.float32)), expected, rtol=1e-3, atol=1e-3
        )
        assert bool(store.track(context, index).any()) == (row.language == "zh")
        torch.testing.assert_close(
            torch.from_numpy(store.track(verification, index).astype(np.float32)), vector, rtol=1e-3, atol=1e-3
        )
        assert store.track(verification, index).shape == (1, VERIFIED)


def test_the_command_says_what_it_made_and_what_comes_next(
    whole: Path, clips: Path, weights: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished store is left alone: no recording is read, no byte changes."""
    before = contents(whole)
    monkeypatch.setattr(released_clips.audio, "read", lambda *_: pytest.fail("a recording was read"))
    arguments = ["store", str(clips), "--family", "v2Pro", "--companions", str(weights), "--output", str(whole)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "is finished already, nothing was done: 6 clips" in said and "left out: quiet.wav: Its level is" in said
    assert f"gsv-lab fit --config configs/v2Pro/sovits.yaml sizes.store={whole}" in said
    assert contents(whole) == before
    assert json.loads((whole / "report.json").read_text())["left_out"][0][0] == "quiet.wav"


def killed(work: Callable[[], Any]) -> bool:
    """Run in a forked process; whether it was killed. One that fails in another way is an error here."""
    ended = exit_status(work)
    assert ended in (0, -signal.SIGKILL), "see the traceback of the child"
    return ended != 0


def killing(number: int, write: Callable[..., Any]) -> Callable[..., Any]:
    """A function that at its call of that number does half of its work, where it can be halved, and is killed."""
    calls = iter(range(1, 10**6))

    def last(target: Any, data: Any) -> Any:
        if next(calls) == number:
            if isinstance(data, bytes):
                write(target, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(target, data)

    return last


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.parametrize("writes", [7])
@pytest.mark.usefixtures("networks")
def test_killed_again_and_again(
    writes: int, whole: Path, clips: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run gets a few writes further; in the end every byte is that of a run in one go, and nothing was redone."""
    folder, log = tmp_path / "store", tmp_path / "log"

    def noted(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any, **more: Any) -> Any:
            with log.open("a") as file:
                file.write(f"{name} {arguments[-1]}\n")
            return make(*arguments, **more)

        return noting

    monkeypatch.setattr(released_clips, "checked", noted("wave", released_clips.checked))
    for name in ("content", "codes", "context", "verification"):
        monkeypatch.setattr(ReleasedTracks, name, noted(name, getattr(ReleasedTracks, name)))
    runs = 0
    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_all", killing(writes, journal.write_all))
        while killed(lambda: make_store(clips, "v2Pro", folder, weights)):
            runs += 1
            with pytest.raises((DataError, OSError)):
                ClipStore(folder)
    assert runs > 5
    assert contents(folder) == contents(whole)
    done = log.read_text().splitlines()
    # Only what was being made when a run was killed is made twice.
    assert len(done) <= 7 + 4 * 6 + runs


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.parametrize("renames", [1, 2, 4, 6, 10])
@pytest.mark.usefixtures("networks")
def test_killed_before_a_file_gets_its_name(
    renames: int, whole: Path, clips: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", killing(renames, os.replace))
        assert killed(lambda: make_store(clips, "v2Pro", folder, weights))
    assert contents(folder).keys() != contents(whole).keys()
    assert make_store(clips, "v2Pro", folder, weights).already is False
    assert contents(folder) == contents(whole)


@pytest.mark.parametrize("writes", [3, 4, 17, 40])
@pytest.mark.usefixtures("networks")
def test_a_full_disk_is_one_error_and_nothing_is_lost(
    writes: int, whole: Path, clips: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is being written, recordings, tracks or their notes; the same call finishes once there is space."""
    folder, calls = tmp_path / "store", iter(range(1, 10**6))
    write = journal.write_all

    def full(file: Any, data: bytes) -> None:
        if next(calls) == writes:
            write(file, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_all", full)
        with pytest.raises(LabError, match="No space left on device.*the same command then goes on") as caught:
            make_store(clips, "v2Pro", folder, weights)
    assert caught.value.code == "SAVE_FAILED"
    assert sum(name.startswith(("codes-", "context-")) and name.endswith(".json") for name in contents(folder)) <= 1
    with pytest.raises((DataError, OSError)):
        ClipStore(folder)
    make_store(clips, "v2Pro", folder, weights)
    assert contents(folder) == contents(whole)


def limited(size: int, work: Callable[[], Any]) -> None:
    """Run where no file may grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("networks")
def test_data_that_never_reached_the_disk(whole: Path, clips: Path, weights: Path, tmp_path: Path) -> None:
    """After a loss of power the notes may say more than there is; what is missing is made again."""
    folder = tmp_path / "store"
    with pytest.raises(LabError):
        limited(450_000, lambda: make_store(clips, "v2Pro", folder, weights))
    os.truncate(folder / "wave.i16", 150_000)
    make_store(clips, "v2Pro", folder, weights)
    assert contents(folder) == contents(whole)


def test_an_array_counts_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """The system takes the first part of a write and refuses the rest: that part is cut off again."""
    one, two = np.arange(5000), np.arange(5000, 10_000)

    def write() -> None:
        with journal.Journal(tmp_path / "data", tmp_path / "notes", {}, 9) as opened:
            opened.append(one, name="one")
            opened.append(two, name="two")

    with pytest.raises(LabError, match="data.*the same command then goes on"):
        limited(60_001, write)
    with journal.Journal(tmp_path / "data", tmp_path / "notes", {}, 9) as opened:
        assert [entry["name"] for entry in opened.entries] == ["one"]
        opened.append(two, name="two")
    assert np.array_equal(np.fromfile(tmp_path / "data", one.dtype), np.arange(10_000))


def test_the_system_refuses_to_write(whole: Path, clips: Path, weights: Path, tmp_path: Path) -> None:
    """The same with an error of the system itself: the data file is cut off in the middle of a recording."""
    folder = tmp_path / "store"
    with pytest.raises(LabError, match="wave.i16") as caught:
        limited(150_001, lambda: make_store(clips, "v2Pro", folder, weights))
    assert caught.value.code == "SAVE_FAILED" and (folder / "wave.i16").stat().st_size <= 150_001
    make_store(clips, "v2Pro", folder, weights)
    assert contents(folder) == contents(whole)


def test_other_stores_meet_a_full_disk_too(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="wave.part") as caught:
        limited(50_001, lambda: make_nano_store(tmp_path / "a"))
    assert caught.value.code == "SAVE_FAILED" and not (tmp_path / "a" / "clips.json").exists()
    store = make_nano_store(tmp_path / "b", clips=3)
    with pytest.raises(LabError, match="pitch-.*.part") as caught:
        limited(50_001, lambda: store.add_track("pitch", (np.zeros((9000, 2)) for _ in store.rows)))
    assert caught.value.code == "SAVE_FAILED" and not store.has_track("pitch")


def test_each_failing_clip_is_left_out_with_its_reason(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.1, RATE * 60).astype(np.float32)
    nan = noise[:RATE].copy()
    nan[50] = np.nan
    given = {
        "silent": (QUIET, TEXTS[0]), "short": (noise[:8000], TEXTS[0]), "long": (noise[: 55 * RATE], TEXTS[0] * 30),
        "nan": (nan, TEXTS[0]), "dense": (noise[:RATE], " ".join([TEXTS[0]] * 3)),
        "sparse": (noise[: 20 * RATE], "hello"), "mute": (noise[:RATE], ""), "unspeakable": (noise[:RATE], "?!"),
        "broken": (noise[:RATE], TEXTS[0]), "deaf": (noise[: 2 * RATE], TEXTS[0]),
    }  # fmt: skip
    source = write_clips(tmp_path / "clips", 2, **given)
    (source.parent / "broken.wav").write_bytes(b"RIFF and nothing more")
    content = ReleasedTracks.content

    def deaf(self: ReleasedTracks, index: int) -> torch.Tensor:
        made = content(self, index)
        return made * torch.nan if self.store.rows[index].id == "deaf" else made

    monkeypatch.setattr(ReleasedTracks, "content", deaf)
    made = make_store(source, "v2", tmp_path / "store", weights)
    reasons = {Path(file).stem: reason for file, reason in made.left_out}
    assert made.clips == 2 and reasons.keys() == given.keys()
    for name, word in {
        "silent": "dBFS", "short": "0.50 s", "long": "55.0 s", "nan": "finite", "dense": "phones",
        "sparse": "phones", "mute": "no text", "unspeakable": "", "broken": "'broken.wav'", "deaf": "'hubert'",
    }.items():  # fmt: skip
        assert word in reasons[name] and reasons[name], name
    store = ClipStore(made.folder)
    assert [row.id for row in store.rows if row.split in ("train", "valid")] == ["c0", "c1"]
    assert all(len(store.track(name, 2)) == 0 for name in ("hubert", "codes", "context")) and len(store) == 3
    assert make_store(source, "v2", tmp_path / "store", weights) == made._replace(already=True)


def test_a_loud_clip_is_turned_down_and_no_other(weights: Path, tmp_path: Path) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    loud = wave.copy()
    loud[5000:5100] = 1.9
    source = write_clips(tmp_path / "clips", 0, a_plain=(wave, TEXTS[1]), loud=(loud, TEXTS[1]))
    store = ClipStore(make_store(source, "v2", tmp_path / "store", weights).folder)
    plain, turned_down = (audio.read(source.parent / f"{row.id}.wav", 32000).samples.numpy() for row in store.rows)
    np.testing.assert_allclose(store.wave(0), plain, atol=1 / 32000)
    np.testing.assert_allclose(store.wave(1), turned_down / np.abs(turned_down).max(), atol=1 / 32000)
    # What resampling puts on top of full scale.
    assert np.abs(turned_down).max() > 1.0


@pytest.mark.parametrize("broken", ["recordings", "networks"])
def test_when_no_clip_can_be_used(broken: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if broken == "networks":
        monkeypatch.setattr(ReleasedTracks, "content", lambda self, index: torch.full((80, WIDTH), torch.inf))
        source = write_clips(tmp_path / "clips", 2)
    else:
        source = write_clips(tmp_path / "clips", 0, one=(QUIET, TEXTS[0]), two=(QUIET, TEXTS[1]))
    with pytest.raises(DataError, match="None of 2 clips can be used; .*[.]wav: .*Mend the recordings") as caught:
        make_store(source, "v2", tmp_path / "store", weights)
    assert caught.value.code == "DATA_EMPTY" and not (tmp_path / "store").exists()


def test_all_that_is_missing_in_one_error_before_anything_is_read(
    clips: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(released_clips.audio, "read", lambda *_: pytest.fail("a recording was read"))
    with pytest.raises(LabError, match="v2ProPlus lacks 4 of its files") as caught:
        make_store(clips, "v2ProPlus", tmp_path / "store", tmp_path)
    said = str(caught.value)
    for part in ("s2Gv2ProPlus.pth (about 200 MB)", "chinese-hubert-base (about 189 MB)", "eres2netv2w24s4ep4.ckpt",
                 "chinese-roberta-wwm-ext-large (about 651 MB)", "gsv-lab weights get v2ProPlus"):  # fmt: skip
        assert part in said
    assert caught.value.code == "CKPT_MISSING" and "s1v3" not in said and "s2D" not in said
    assert not (tmp_path / "store").exists()
    with pytest.raises(DataError, match="no family 'v3'.*v1 or v2 or v2Pro or v2ProPlus"):
        make_store(clips, "v3", tmp_path / "store", weights)


def test_companions_from_the_weights_folder_and_imported_ones(
    clips: Path, weights: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the folder lacks comes from the weights folder; a SoVITS counts under any name once it was imported."""
    monkeypatch.setenv("GSV_LAB_CACHE", str(weights.parent))
    if not (weights.parent / "weights").exists():
        (weights.parent / "weights").symlink_to(weights)
    made = make_store(clips, "v2Pro", tmp_path / "a")
    assert contents(made.folder) == contents(whole)
    own = tmp_path / "own"
    own.mkdir()
    source = weights / "v2Pro" / "s2Gv2Pro.pth.safetensors"
    (own / "mine.sovits.safetensors").write_bytes(source.read_bytes())
    of_another_family = imported_file(place(weights, "sovits", "v2"))
    (own / "older.sovits.safetensors").write_bytes(of_another_family.read_bytes())
    (weights / "v2Pro").rename(weights / "elsewhere")
    try:
        assert contents(make_store(clips, "v2Pro", tmp_path / "b", own).folder) == contents(whole)
    finally:
        (weights / "elsewhere").rename(weights / "v2Pro")


def test_another_store_is_refused_with_the_difference(whole: Path, clips: Path, weights: Path, tmp_path: Path) -> None:
    before = contents(whole)

    def refused(source: Path, family: str, companions: Path) -> str:
        with pytest.raises(DataError, match="was made otherwise.*Choose another folder") as caught:
            make_store(source, family, whole, companions)
        assert caught.value.code == "CACHE_STALE" and contents(whole) == before
        return str(caught.value)

    assert "family was v2Pro and is v2ProPlus" in refused(clips, "v2ProPlus", weights)
    assert "verifier was" not in refused(clips, "v2", weights)
    other = refused(clips, "v2Pro", write_weights(tmp_path / "other", "v2Pro", seed=5))
    assert "hubert was" in other and "codebook was" in other and "bert was" in other and "verifier was" in other
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in clips.parent.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    source = moved / clips.name
    assert make_store(source, "v2Pro", whole, weights).already
    recorded = (moved / "c1.wav").read_bytes()
    (moved / "c1.wav").write_bytes(recorded + b"more")
    assert "clips that are changed: 1, the first c1.wav" in refused(source, "v2Pro", weights)
    (moved / "c1.wav").write_bytes(recorded)
    lines = source.read_text(encoding="utf-8").splitlines()
    source.write_text("\n".join([*lines[:-1], f"{lines[-1]} and more"]) + "\n", encoding="utf-8")
    assert "clips that are changed: 1, the first c5.wav" in refused(source, "v2Pro", weights)
    source.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    assert "clips that are gone: 1, the first c5.wav" in refused(source, "v2Pro", weights)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LabError, match="holds something else") as caught:
        make_store(clips, "v2Pro", tmp_path, weights)
    assert caught.value.code == "OUTPUT_EXISTS" and (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_of_prepare_is_read_by_its_list(clips: Path, tmp_path: Path) -> None:
    for path in clips.parent.glob("*.wav"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "list.txt").write_bytes(clips.read_bytes())
    assert [clip.id for clip in read(tmp_path)] == [clip.id for clip in read(clips)]


def test_phones_that_a_family_does_not_have() -> None:
    assert released_clips.read_phones("hello", "en", 322).ids == phonemize("hello", "en").ids
    highest = max(phonemize("hello", "en").ids)
    with pytest.raises(TextError, match=f"not among the first {highest}"):
        released_clips.read_phones("hello", "en", highest)


def rows(speakers: str, **splits: str) -> list[Row]:
    """A row for each letter; keyword `n3` sets the split of row 3."""
    return [
        Row(str(n), speaker, "en", "", splits.get(f"n{n}", "train"), "", "", 0, 1) for n, speaker in enumerate(speakers)
    ]


def test_what_is_held_out() -> None:
    held = released_clips.hold_out
    assert held(rows("a")) == set() and held(rows("aa")) == {1} and held(rows("abb")) == {2}
    assert held(rows("a" * 45 + "b" * 19)) == {19, 39} and held(rows("ab" * 20)) == {38, 39}
    assert held(rows("aaa", n2=released_clips.LEFT_OUT)) == {1} and held(rows("aaa", n0="valid")) == set()
    assert held(rows("aaa", n0="dev_speaker", n2="dev_speaker")) == set() and held(rows("aaa", n0="dev_speaker")) == {2}
