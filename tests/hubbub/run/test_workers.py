"""Local workers are reached by name, and are present as long as their process."""

from hubbub.run.workers import LocalWorkers


class Box:
    def __init__(self):
        self.taken = []

    def take(self, kind, values):
        self.taken.append((kind, values))


def test_a_message_reaches_the_worker_it_is_for():
    boxes = {"a": Box(), "b": Box()}
    workers = LocalWorkers(boxes)
    workers.send("b", "go", {"x": 1})
    assert (boxes["a"].taken, boxes["b"].taken) == ([], [("go", {"x": 1})])
    assert workers.present() == ["a", "b"]
    assert not workers.is_distributed
