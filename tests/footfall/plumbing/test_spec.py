"""What a person writes, checked and written again."""

from footfall.plumbing.spec import Spec, newer


class Question(Spec):
    words: str = "yes or no"
    images: bool = newer(False)


class Plan(Spec):
    first: Question = Question()
    others: tuple[Question, ...] = ()


def test_a_newer_field_is_written_only_where_it_says_something():
    plan = Plan(others=(Question(images=True),))
    told = {
        "first": {"words": "yes or no"},
        "others": [{"words": "yes or no", "images": True}],
    }
    assert plan.model_dump(mode="json") == told
    assert Plan.model_validate(told) == plan
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_its_default_may_be_written_by_hand():
    assert Question.model_validate({"images": False}).model_dump() == {"words": "yes or no"}
