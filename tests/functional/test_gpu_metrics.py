"""GPU series of /metrics, with a library that answers like NVIDIA's."""

import pytest
from conftest import FACET

STUB = FACET.parent.parent / "src/infer/libfacet_nvml_stub.so"


def test_gpus_are_in_the_metrics_where_their_driver_is(make_server, tmp_path, monkeypatch):
    if not STUB.is_file():
        pytest.skip(f"no {STUB}: build the tests")
    (tmp_path / "libnvidia-ml.so.1").symlink_to(STUB)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    text = make_server().http.get("/metrics").text
    assert 'facet_gpu_utilisation_percent{gpu="0",name="Stub 1"} 42' in text
    assert 'facet_gpu_temperature_celsius{gpu="0",name="Stub 1"} 61' in text
    assert f'facet_gpu_memory_used_bytes{{gpu="1",name="Stub 2"}} {4 << 30}' in text
    assert f'facet_gpu_memory_total_bytes{{gpu="1",name="Stub 2"}} {8 << 30}' in text
    assert 'facet_gpu_temperature_celsius{gpu="1"' not in text


def test_without_a_gpu_there_are_no_series(server):
    assert "facet_gpu" not in server.http.get("/metrics").text
