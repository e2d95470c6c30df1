import pytest
import torch

from lga.backbone.precision import choose_device, choose_dtype
from lga.errors import LGAError

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_auto_takes_the_accelerator_that_torch_finds_then_the_processor(monkeypatch, kind):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    assert choose_device() == torch.device(kind)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert choose_device("auto") == CPU


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_a_device_that_is_there_is_taken_as_it_was_named():
    assert choose_device("cpu") == CPU
    assert choose_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("wish", ["gpu", "", "cuda:x", "the fast one"])
def test_an_unknown_device_is_refused_in_one_line(wish):
    with pytest.raises(LGAError, match="no device is called") as caught:
        choose_device(wish)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wish", ["cuda:2", "mps", "xpu", "meta"])
@pytest.mark.usefixtures("two_gpus")
def test_an_absent_device_is_refused_and_the_message_names_those_that_are_there(wish):
    with pytest.raises(LGAError, match="offers cuda, cpu") as caught:
        choose_device(wish)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("able", "dtype"),
    [
        ({"avx2": True}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True, "amx_tile": True}, torch.bfloat16),
    ],
)
def test_a_processor_gets_bfloat16_only_where_it_multiplies_it_natively(able, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert choose_dtype(CPU, "auto") == dtype


def test_a_torch_that_cannot_tell_gets_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_dtype(CPU) == torch.float32


def test_apples_gpu_gets_float32():
    assert choose_dtype(torch.device("mps")) == torch.float32


def test_a_wish_is_granted_everywhere():
    assert choose_dtype(CPU, "bfloat16") == torch.bfloat16
    assert choose_dtype(torch.device("cuda"), "float32") == torch.float32
