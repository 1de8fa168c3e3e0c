"""ERes2NetV2: the released layout and sizes, its arithmetic against plain formulas, its front end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gsv_lab.checkpoint.state_file import read_state
from gsv_lab.errors import CheckpointError
from gsv_lab.released.eres2net import AttentiveFusion, ERes2NetV2, SplitBlock, filter_bank
from gsv_lab.released.loading import load_verifier, verifier_sizes
from released_files import VERIFIED, VERIFIER


def test_released_sizes_and_names() -> None:
    """20480 numbers from 2048 channels and ten bands, 108 MB in half precision, the names of the file."""
    with torch.device("meta"):
        state = ERes2NetV2().state_dict()
    assert state["layer3_ds.weight"].shape == (2048, 1024, 3, 3)
    assert state["seg_1.weight"].shape == (192, 2 * 20480)
    assert state["layer1.0.convs.3.weight"].shape == (24, 24, 3, 3)
    assert state["layer4.2.fuse_models.2.local_att.0.weight"].shape == (48, 384, 1, 1)
    assert state["layer4.0.shortcut.1.running_var"].shape == (2048,)
    assert state["fuse34.local_att.4.num_batches_tracked"].shape == ()
    assert "layer2.0.fuse_models.0.local_att.0.weight" not in state and "layer1.1.shortcut.0.weight" not in state
    roots = {key.split(".")[0] for key in state}
    stages = {f"layer{n}" for n in (1, 2, 3, 4)}
    assert roots == {"conv1", "bn1", *stages, "layer3_ds", "fuse34", "seg_1"}
    assert 105e6 < sum(value.numel() * 2 for value in state.values()) < 110e6
    wanted = {"planes": 64, "blocks": [3, 4, 6, 3], "base_width": 24, "scale": 4, "expansion": 4}
    assert verifier_sizes(state) == {**wanted, "n_mels": 80, "dim": 192}


def test_vector_is_the_map_averaged_over_time() -> None:
    network = ERes2NetV2(**VERIFIER).eval()
    wave = torch.randn(16000) * 0.1
    bank = filter_bank(wave)
    assert bank.shape == (1, 80, 98)
    with torch.no_grad():
        frames = network(bank)
    assert frames.shape == (1, 64, 10, 13) and network.vector_dim == VERIFIED
    torch.testing.assert_close(network.embed(wave), frames.mean(-1).reshape(1, -1))


def test_frames_do_not_see_far() -> None:
    """Convolutional: what is far in time does not change a frame, unlike in attention or recurrence."""
    network = ERes2NetV2(**VERIFIER).eval()
    bank = torch.randn(1, 80, 800)
    with torch.no_grad():
        one, two = network(bank), network(torch.cat((bank[..., :-8], -bank[..., -8:]), -1))
    torch.testing.assert_close(one[..., :80], two[..., :80])
    assert not torch.allclose(one[..., -1], two[..., -1])


def test_block_adds_each_group_to_the_result_before() -> None:
    """With identities for all layers the groups become running sums, in the plain variant."""
    block = SplitBlock(6, 6, 1, width=2, scale=3, expansion=1, fused=False).eval()
    with torch.no_grad():
        for conv in (block.conv1, block.conv3):
            conv.weight.copy_(torch.eye(6)[..., None, None])
        for conv in block.convs:
            conv.weight.zero_()
            conv.weight[:, :, 1, 1] = torch.eye(2)
        x = torch.rand(1, 6, 3, 4)
        a, b, c = x.chunk(3, 1)
        sums = torch.cat((a, a + b, a + b + c), 1)
        torch.testing.assert_close(block(x), sums + x, rtol=1e-3, atol=1e-3)
        loud = block(100 * x)
    assert float(loud.max()) == 20.0


def test_fusion_weighs_both_to_two() -> None:
    fusion = AttentiveFusion(8).eval()
    x = torch.randn(1, 8, 3, 4)
    torch.testing.assert_close(fusion(x, x), 2 * x)
    with torch.no_grad():
        fusion.local_att[4].weight.zero_()
        fusion.local_att[4].bias.fill_(50.0)
        torch.testing.assert_close(fusion(x, -3 * x), 2 * x)


def test_a_tone_is_loudest_in_the_band_of_its_pitch() -> None:
    time = torch.arange(16000) / 16000
    banks = [filter_bank(torch.sin(2 * torch.pi * f * time) * 0.3).mean(-1)[0].argmax() for f in (300, 1000, 4000)]
    assert banks[0] < banks[1] < banks[2]
    # Kaldi's mel scale, 1127 ln(1 + f / 700), over bands from 20 Hz to 8 kHz.
    mel = 1127 * torch.log(1 + torch.tensor([20.0, 1000.0, 8000.0]) / 700)
    assert abs(float(banks[1]) - float((mel[1] - mel[0]) / (mel[2] - mel[0]) * 81 - 1)) <= 1


def test_odd_bands_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        ERes2NetV2(n_mels=81)


def test_file_of_weights(tmp_path: Path) -> None:
    """Read without running anything; tensors, sizes and keys are checked."""
    path = tmp_path / "sv.ckpt"
    network = ERes2NetV2(**VERIFIER).eval()
    torch.save(network.state_dict(), path)
    found = load_verifier(path)
    assert found is not None
    bank = torch.randn(1, 80, 50)
    with torch.no_grad():
        torch.testing.assert_close(found(bank), network(bank))
    state = read_state(path)
    for change, code in (
        ({"more": torch.zeros(1)}, "CKPT_KEYS"),
        ({"bn1.weight": torch.full((4,), float("nan"))}, "CKPT_NONFINITE"),
        ({"bn1.weight": torch.zeros(5)}, "CKPT_SHAPE"),
    ):
        torch.save({**state, **change}, path)
        with pytest.raises(CheckpointError) as caught:
            load_verifier(path)
        assert caught.value.code == code
    torch.save({"a": 1}, path)
    with pytest.raises(CheckpointError):
        load_verifier(path)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="lacks"):
        load_verifier(path)
