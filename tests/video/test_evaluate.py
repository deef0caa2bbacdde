"""The evaluation on truth and results made by hand, whose figures can be told without it."""

import copy

import pytest
from evaluate import Gallery, as_markdown, evaluate, iou, table, total

ANNA = [1.0, 0.0, 0.0, 0.0]
BERT = [0.0, 1.0, 0.0, 0.0]
NOBODY = [0.0, 0.0, 1.0, 0.0]  # at a right angle to both
LEFT = [100, 100, 200, 220]
RIGHT = [400, 100, 500, 220]
AWAY = [600, 300, 630, 340]
GALLERY = Gallery({"match_threshold": 0.35, "people": {"anna": [[0.8, 0.0, 0.6, 0.0], ANNA], "bert": [BERT]}})


def stay(person, start, end, box):
    return {"person": person, "start": start, "end": end, "boxes": [[start, *box], [end, *box]]}


def truth(*appearances, cuts=(), duration=20.0):
    return {"clip": "x.mp4", "fps": 30, "width": 640, "height": 360, "duration": duration, "cuts": list(cuts),
            "appearances": list(appearances)}


def row(vector, start, end, box, at=None, track=None):
    return {"start": start, "end": end, "at": (start + end) / 2 if at is None else at, "box": box, "track": track,
            "embedding": vector}


def figures(true, *rows, rule="facet", cpu=1.0):
    return evaluate(true, {"rule": rule, "cpu_seconds": cpu, "video_seconds": true["duration"], "rows": list(rows)},
                    GALLERY)


# Anna at the left from 2 to 10, Bert at the right from 4 to 12.
BOTH = truth(stay("anna", 2.0, 10.0, LEFT), stay("bert", 4.0, 12.0, RIGHT))


def test_what_is_all_right():
    found = figures(BOTH, row(ANNA, 2.0, 10.0, LEFT), row(BERT, 4.0, 12.0, RIGHT))
    assert (found.recall, found.precision, found.covered) == (1.0, 1.0, 1.0)
    assert found.start_errors == found.end_errors == [0.0, 0.0]
    assert (found.splits, found.switches, found.stray, found.rows_per_minute) == (0, 0, 0, 6.0)


def test_errors_and_the_share_of_time():
    found = figures(BOTH, row(ANNA, 2.25, 8.0, LEFT), row(BERT, 3.5, 12.5, RIGHT))
    assert (found.recall, found.precision) == (1.0, 1.0)
    assert found.start_errors == [0.25, 0.5] and found.end_errors == [2.0, 0.5]
    assert found.covered == pytest.approx((5.75 + 8.0) / 16)


def test_a_missed_person():
    found = figures(BOTH, row(ANNA, 2.0, 10.0, LEFT))
    assert (found.recall, found.precision, found.covered) == (0.5, 1.0, 0.5)
    assert len(found.start_errors) == 1


def test_no_rows():
    found = figures(BOTH)
    assert (found.recall, found.precision, found.covered, found.rows) == (0.0, None, 0.0, 0)
    assert found.start_errors == []


def test_swapped_identities():
    """Right times and boxes under each other's name: nothing of it counts."""
    found = figures(BOTH, row(BERT, 2.0, 10.0, LEFT), row(ANNA, 4.0, 12.0, RIGHT))
    assert (found.recall, found.precision, found.covered, found.stray) == (0.0, 0.0, 0.0, 0)


def test_right_name_and_time_at_another_place():
    found = figures(BOTH, row(ANNA, 2.0, 10.0, AWAY))
    assert (found.recall, found.precision, found.stray) == (0.0, 0.0, 1)


def test_right_name_and_place_at_another_time():
    found = figures(BOTH, row(ANNA, 13.0, 15.0, LEFT), row(BERT, 1.0, 3.0, RIGHT))
    assert (found.recall, found.precision, found.stray) == (0.0, 0.0, 2)


def test_a_row_that_mostly_claims_absence_is_wrong_though_its_best_shot_is_right():
    right = row(ANNA, 2.0, 18.0, LEFT, at=5.0)
    assert figures(BOTH, right).precision == 1.0
    wrong = row(ANNA, 2.0, 18.5, LEFT, at=5.0)
    found = figures(BOTH, wrong)
    assert (found.recall, found.precision, found.covered) == (0.5, 0.0, 0.0)


def test_below_the_threshold_a_row_names_nobody():
    """0.35 exactly names; less does not."""
    at = row([0.35, 0.0, (1 - 0.35**2) ** 0.5 * -1, 0.0], 2.0, 10.0, LEFT)
    below = row([0.34, 0.0, (1 - 0.34**2) ** 0.5 * -1, 0.0], 2.0, 10.0, LEFT)
    assert figures(BOTH, at).recall == 0.5
    found = figures(BOTH, below, row(NOBODY[:2] + [-1.0, 0.0], 4.0, 12.0, RIGHT))
    assert (found.recall, found.precision, found.rows, found.named, found.stray) == (0.0, None, 2, 0, 0)


def test_the_nearest_photograph_of_a_person_counts_and_length_does_not():
    assert GALLERY.name([5.0, 0.0, 0.0, 0.0]) == "anna"
    assert GALLERY.name([0.0, 0.0, 0.1, 0.0]) == "anna"  # 0.6 to her first photograph
    assert GALLERY.name([0.4, 0.5, 0.0, 0.0]) == "bert"
    with pytest.raises(ValueError):
        GALLERY.name([0.0] * 4)


def test_doubled_rows_are_splits_and_no_better_recall():
    once = [row(ANNA, 2.0, 10.0, LEFT), row(BERT, 4.0, 12.0, RIGHT)]
    found = figures(BOTH, *once, *copy.deepcopy(once))
    assert (found.recall, found.recalled, found.precision, found.covered) == (1.0, 2, 1.0, 1.0)
    assert (found.splits, found.rows) == (2, 4)


def test_splits_and_those_at_cuts():
    true = truth(stay("anna", 0.0, 20.0, LEFT), cuts=(5.0,))
    found = figures(true, row(ANNA, 0.0, 4.9, LEFT), row(ANNA, 5.1, 12.0, LEFT), row(ANNA, 12.4, 20.0, LEFT))
    assert (found.recalled, found.splits, found.splits_at_cuts) == (1, 2, 1)
    assert (found.start_errors, found.end_errors) == ([0.0], [0.0])
    assert found.covered == pytest.approx(19.4 / 20)


def test_the_rule_of_the_original():
    """A row every second: one appearance recalled once, its time covered by the time around each row."""
    rows = [row(ANNA, float(t), float(t), LEFT) for t in range(2, 11)]
    found = figures(BOTH, *rows, rule="original", cpu=12.0)
    assert (found.recall, found.precision, found.splits, found.rows) == (0.5, 1.0, 8, 9)
    assert found.covered == 0.5
    assert (found.start_errors, found.end_errors) == ([0.0], [0.0])
    assert figures(BOTH, *rows[::2], rule="original").covered == pytest.approx((5 - 1) / 16)
    assert figures(BOTH, *rows[::2]).covered == 0.0  # rows of the other rule stand for their own time only


def test_two_stays_told_of_by_one_row():
    """Over a short absence they are one; over a longer one, the ends that were missed are errors."""
    point = [11.0, *LEFT]
    for gap, start_errors, end_errors in ((1.5, [0.0], [0.0]), (2.5, [0.0, 6.5], [6.5, 0.0])):
        true = truth(stay("anna", 2.0, 6.0, LEFT), stay("anna", 6.0 + gap, 12.5, LEFT))
        found = figures(true, row(ANNA, 2.0, 12.5, LEFT, at=4.0, track=[[4.0, *LEFT], point]))
        assert (found.recalled, found.precision, found.splits) == (2, 1.0, 0)
        assert found.start_errors == pytest.approx(start_errors if gap < 2 else [0.0, 6.0 + gap - 2.0])
        assert found.end_errors == pytest.approx(end_errors if gap < 2 else [12.5 - 6.0, 0.0])


def test_two_stays_and_a_row_for_each():
    true = truth(stay("anna", 2.0, 6.0, LEFT), stay("anna", 7.5, 12.5, LEFT))
    found = figures(true, row(ANNA, 2.0, 6.25, LEFT), row(ANNA, 7.5, 12.5, LEFT))
    assert (found.recalled, found.splits) == (2, 0)
    assert (found.start_errors, found.end_errors) == ([0.0, 0.0], [0.25, 0.0])


def test_a_stay_that_the_track_does_not_reach_is_not_recalled():
    true = truth(stay("anna", 2.0, 6.0, LEFT), stay("anna", 7.5, 12.5, LEFT))
    found = figures(true, row(ANNA, 2.0, 6.0, LEFT, at=4.0, track=[[2.0, *LEFT], [6.0, *LEFT]]))
    assert found.recall == 0.5


def test_a_face_that_moves():
    """The true box between key frames is on the line between them."""
    true = truth({"person": "anna", "start": 0.0, "end": 10.0, "boxes": [[0.0, *LEFT], [10.0, *RIGHT]]})
    middle = [250, 100, 350, 220]
    assert figures(true, row(ANNA, 0.0, 10.0, middle, at=5.0)).recall == 1.0
    assert figures(true, row(ANNA, 0.0, 10.0, middle, at=1.0)).recall == 0.0


def test_boxes_beyond_start_and_end_forgive_what_is_half_seen():
    true = truth({"person": "anna", "start": 3.0, "end": 9.0, "boxes": [[2.0, *LEFT], [10.0, *LEFT]]})
    found = figures(true, row(ANNA, 2.2, 2.4, LEFT))
    assert (found.recall, found.precision, found.covered) == (1.0, 1.0, 0.0)


def test_a_track_that_goes_over_to_somebody_else():
    to_bert = [[5.0, *LEFT], [6.0, *LEFT], [7.0, *AWAY], [8.0, *RIGHT], [9.0, *RIGHT]]
    assert figures(BOTH, row(ANNA, 5.0, 9.0, LEFT, at=5.0, track=to_bert)).switches == 1
    assert figures(BOTH, row(ANNA, 5.0, 9.0, LEFT, at=5.0, track=[*to_bert, [9.5, *LEFT]])).switches == 2
    assert figures(BOTH, row(ANNA, 5.0, 9.0, LEFT, at=5.0, track=to_bert[:3])).switches == 0


def test_where_two_faces_are_as_near_the_track_is_not_asked():
    near = [120, 100, 220, 220]
    true = truth(stay("anna", 2.0, 10.0, LEFT), stay("bert", 4.0, 12.0, near))
    track = [[3.0, *LEFT], [6.0, *near], [9.0, *LEFT]]
    assert figures(true, row(ANNA, 3.0, 9.0, LEFT, at=3.0, track=track)).switches == 0
    assert figures(true, row(ANNA, 3.0, 11.0, LEFT, at=3.0, track=[*track, [11.0, *near]])).switches == 1


def test_nobody_on_screen():
    found = figures(truth(), row(ANNA, 1.0, 2.0, LEFT))
    assert (found.recall, found.precision, found.covered, found.stray) == (None, 0.0, None, 1)


def test_intersection_over_union():
    assert iou([0, 0, 10, 10], [5, 0, 15, 10]) == pytest.approx(1 / 3)
    assert iou([0, 0, 10, 10], [0, 0, 10, 10]) == 1.0
    assert iou([0, 0, 10, 10], [10, 0, 20, 10]) == 0.0


@pytest.mark.parametrize("change", [
    {"rule": "other"}, {"video_seconds": 12.0}, {"rows": [row(ANNA, 3.0, 4.0, LEFT, at=5.0)]},
    {"rows": [row([0.0] * 4, 3.0, 4.0, LEFT)]}])
def test_results_that_make_no_sense_are_refused(change):
    result = {"rule": "facet", "cpu_seconds": 1.0, "video_seconds": 20.0, "rows": []}
    evaluate(BOTH, result, GALLERY)
    with pytest.raises(ValueError):
        evaluate(BOTH, {**result, **change}, GALLERY)


def test_a_person_of_the_truth_must_be_in_the_gallery():
    with pytest.raises(ValueError, match="carla"):
        figures(truth(stay("carla", 0.0, 1.0, LEFT)))


def test_the_table_compares_the_rules():
    facet = figures(BOTH, row(ANNA, 2.0, 10.0, LEFT), row(BERT, 4.0, 12.0, RIGHT), cpu=0.5)
    original = figures(BOTH, *[row(ANNA, t / 2, t / 2, LEFT) for t in range(4, 21)], rule="original", cpu=3.0)
    lines = table({"one": {"facet": facet, "original": original}, "two": {"facet": facet}})
    assert [line[:2] for line in lines] == [("one", "facet"), ("one", "original"), ("two", "facet")]
    assert lines[0][2:4] == ("1.00 (2/2)", "1.00 (2/2)") and lines[1][2] == "0.50 (1/2)"
    assert lines[0][12:] == ("6.0", "8.5x", "1.50", "6.0x")
    assert lines[2][13] == "" and lines[2][15] == ""  # nothing to compare with
    lines = table({name: {"facet": facet, "original": original} for name in ("one", "two")})
    assert lines[-2][:4] == ("all", "facet", "1.00 (4/4)", "1.00 (4/4)")
    assert lines[-2][12:] == ("6.0", "8.5x", "1.50", "6.0x")
    assert as_markdown(lines).count("\n") == 2 + 6
    assert total([facet, original]).start_errors == [0.0, 0.0, 0.0]
