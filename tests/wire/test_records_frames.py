"""Data frames of pandas and polars, as their users have them."""

from typing import Any

import pytest

from cometrunway import ImageToVideo, Session, Shot, records_to_shots
from cometrunway.emulator import Emulator
from tests.samples import CAT

pandas = pytest.importorskip("pandas", reason="nox --session notebook has it")
polars = pytest.importorskip("polars", reason="nox --session notebook has it")
COLUMNS = {
    "key": ["a", "b", "c"],
    "route": ["image_to_video"] * 3,
    "prompt_image": [CAT] * 3,
    "prompt_text": ["yawns", None, "sleeps"],
    "duration": [5, None, 10],
    "seed": [None, 7, None],
}
SHOTS = [
    Shot("a", ImageToVideo(prompt_image=CAT, prompt_text="yawns", duration=5)),
    Shot("b", ImageToVideo(prompt_image=CAT, seed=7)),
    Shot("c", ImageToVideo(prompt_image=CAT, prompt_text="sleeps", duration=10)),
]


def frames() -> dict[str, Any]:
    """Return the rows of one table as each kind of frame gives them, with every kind of missing value."""
    plain = pandas.DataFrame(COLUMNS)
    with_times = plain.assign(seed=plain["seed"].astype(object).where(plain["seed"].notna(), pandas.NaT))
    return {
        "pandas": plain.to_dict("records"),
        "pandas NA": plain.convert_dtypes().to_dict("records"),
        "pandas NaT": with_times.to_dict("records"),
        "pandas rows": [row for _, row in plain.iterrows()],
        "numpy": [{name: plain[name].to_numpy()[place] for name in plain} for place in range(3)],
        "polars": polars.DataFrame(COLUMNS).to_dicts(),
        "polars rows": list(polars.DataFrame(COLUMNS).iter_rows(named=True)),
    }


@pytest.mark.parametrize("kind", frames())
def test_rows_of_frames_are_shots(kind: str) -> None:
    """NaN, NaT, NA and None are fields not given, and floats that are whole are whole numbers."""
    assert records_to_shots(frames()[kind]) == SHOTS


@pytest.mark.parametrize("frame", [pandas.DataFrame(COLUMNS), polars.DataFrame(COLUMNS)], ids=["pandas", "polars"])
async def test_a_frame_goes_in_and_comes_out(frame: Any) -> None:
    """A batch takes the rows of a frame, and its records make one of either kind."""
    rows = (
        frame.to_dict("records") if hasattr(frame, "to_dict") and not hasattr(frame, "to_dicts") else frame.to_dicts()
    )
    async with Emulator() as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None) as runway:
            with pytest.raises(TypeError, match="to_dict"):
                runway.map(frame)
            batch = runway.map(rows)
            assert [handle.key for handle in await batch] == ["a", "b", "c"]
            again = runway.map(iter([*rows, {"route": "nowhere"}]))
            assert sum(isinstance(handle.exception(), ValueError) for handle in await again) == 1
    made = type(frame)(batch.to_records())
    assert list(made["status"]) == ["delivered"] * 3
    assert min(made["seconds"]) > 0
