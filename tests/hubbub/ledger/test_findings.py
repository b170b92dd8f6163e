"""Evidence: who, what, when, and what came before and after."""

import pytest

from hubbub.ledger import Finding
from hubbub.ledger.findings import FOLLOW_US, MAX_OF_EACH
from hubbub.serialization import from_plain, to_plain


@pytest.fixture
def chat(bench):
    """Two connections; `say` sends a message, and delivers it to those named."""
    sender, other = bench.join(0), bench.join(1)

    def say(*receivers):
        content, message = bench.send(sender)
        bench.wait(0.01)
        for receiver in receivers or (sender, other):
            bench.deliver(receiver, content)
        return content, message

    return bench, sender, other, say


def only(bench):
    (finding,) = bench.ledger.findings.kept
    return finding


def test_a_lost_delivery_stands_between_its_neighbours(chat):
    bench, sender, other, say = chat
    say()
    _, lost = say(sender)
    say()
    bench.wait(5.1)
    bench.ledger.tick(bench.now)
    finding = only(bench)
    assert (finding.kind, finding.sender, finding.number) == ("lost", sender.producer.id, 2)
    assert (finding.receiver, finding.account, finding.conversation) == (other.producer.id, 1, 0)
    assert (finding.intended_us, finding.sent_us) == (lost.intended_us, lost.sent_us)
    assert (finding.before, finding.after) == ("1:1", "1:3")
    assert finding.at_us == bench.now


def test_a_duplicate_says_what_the_receiver_got_before_and_after(chat):
    bench, _, other, say = chat
    first, _ = say()
    say()
    bench.deliver(other, first)
    say()
    bench.ledger.tick(bench.now)
    finding = only(bench)
    assert (finding.kind, finding.number, finding.receiver) == ("duplicated", 1, other.producer.id)
    assert (finding.before, finding.after) == ("1:2", "1:3")


def test_a_message_out_of_order_is_evidence(chat):
    bench, sender, other, _ = chat
    contents = [bench.send(sender)[0] for _ in range(2)]
    for content in contents:
        bench.deliver(sender, content)
    for content in reversed(contents):
        bench.deliver(other, content)
    finding = only(bench)
    assert (finding.kind, finding.number, finding.before) == ("out_of_order", 1, "1:2")


def test_what_is_known_of_a_connection_explains(chat):
    bench, sender, other, say = chat
    other.connection.note = "the backend said that it dropped messages for this connection"
    say(sender)
    bench.finish()
    assert only(bench).explanation == other.connection.note


def test_a_loss_at_a_closed_connection_is_explained(chat):
    bench, sender, other, _ = chat
    content, _ = bench.send(sender)
    bench.wait(6)
    bench.ledger.close(other, bench.now)
    bench.deliver(sender, content)
    finding = only(bench)
    assert (finding.kind, finding.receiver, finding.explanation) == ("lost", other.producer.id, "the connection ended")


def test_what_was_known_explains_when_the_connection_is_gone(chat):
    bench, sender, other, _ = chat
    content, _ = bench.send(sender)
    other.connection.note = "known to stutter"
    bench.wait(6)
    bench.ledger.close(other, bench.now)
    bench.deliver(sender, content)
    assert only(bench).explanation == "known to stutter"


def test_a_vanished_message_and_its_losses(chat):
    bench, sender, _, _ = chat
    bench.send(sender)
    bench.wait(6)
    bench.finish()
    assert [finding.kind for finding in bench.ledger.findings.kept] == ["vanished", "lost", "lost"]


def test_leaked_and_corrupt_deliveries_name_their_receiver(make_bench):
    bench = make_bench(conversations=2, accounts=2)
    sender, stranger = bench.join(0, 0), bench.join(1, 1)
    content, _ = bench.send(sender)
    bench.deliver(stranger, content)
    bench.deliver(sender, content[:5] + "!" + content[6:])
    leaked, corrupt = bench.ledger.findings.kept
    assert (leaked.kind, leaked.receiver, leaked.sender, leaked.number) == ("leaked", stranger.producer.id, 1, 1)
    assert (corrupt.kind, corrupt.receiver, corrupt.sender) == ("corrupt", sender.producer.id, -1)


def test_a_finding_knows_its_times_its_account_and_its_explanation(chat):
    bench, sender, other, _ = chat
    bench.wait(1)
    content, message = bench.send(sender, lag_us=30_000)
    for receiver in (sender, other):
        bench.deliver(receiver, content)
    other.connection.note = "known to stutter"
    bench.wait(0.5)
    bench.deliver(other, content)
    finding = only(bench)
    assert (finding.intended_us, finding.sent_us) == (message.intended_us, message.sent_us)
    assert (finding.account, finding.explanation, finding.at_us) == (1, "known to stutter", bench.now)
    assert finding.before == "1:1"


def test_a_loss_without_neighbours_has_none(chat):
    bench, sender, _, say = chat
    say(sender)
    bench.finish()
    finding = only(bench)
    assert (finding.before, finding.after) == ("", "")


def test_a_vanished_message_is_explained_by_its_senders_connection(chat):
    bench, sender, _, _ = chat
    sender.connection.note = "error frames came on this connection"
    _, message = bench.send(sender)
    bench.wait(6)
    bench.finish()
    finding = bench.ledger.findings.kept[0]
    assert (finding.kind, finding.explanation, finding.at_us) == ("vanished", sender.connection.note, bench.now)
    assert finding.number == message.number


def test_a_message_vanished_on_a_connection_that_is_gone(chat):
    bench, sender, _, _ = chat
    bench.send(sender)
    bench.wait(6)
    bench.ledger.close(sender, bench.now)
    bench.finish()
    assert bench.ledger.findings.kept[0].explanation == "its connection ended"


@pytest.mark.parametrize("kind", ["lost", "vanished"])
def test_a_hundred_losses_and_a_hundred_vanished_messages_are_enough(chat, kind):
    bench, sender, _, say = chat
    for _ in range(MAX_OF_EACH + 5):
        say(sender) if kind == "lost" else bench.send(sender)
    bench.wait(6)
    bench.finish()
    kept = [finding for finding in bench.ledger.findings.kept if finding.kind == kind]
    assert len(kept) == MAX_OF_EACH


def test_the_first_hundred_of_each_class_are_kept(chat):
    bench, _, other, say = chat
    content, _ = say()
    for _ in range(MAX_OF_EACH + 20):
        bench.deliver(other, content)
    assert bench.counts.duplicated == MAX_OF_EACH + 20
    assert len(bench.ledger.findings) == MAX_OF_EACH
    bench.deliver(other, "no tag", account=0)
    assert len(bench.ledger.findings) == MAX_OF_EACH + 1, "each class has room of its own"


def test_a_finding_is_settled_when_what_came_next_is_known(chat):
    bench, _, other, say = chat
    content, _ = say()
    bench.deliver(other, content)
    findings = bench.ledger.findings
    assert findings.settled(bench.now, are_all=False) == []
    assert len(findings.settled(bench.now, are_all=True)) == 1
    assert len(findings.settled(bench.now + FOLLOW_US, are_all=False)) == 1
    bench.wait(1)
    bench.deliver(other, content)
    assert len(findings.settled(bench.now - 1_000_000 + FOLLOW_US, are_all=False)) == 1
    assert len(findings.settled(bench.now + FOLLOW_US, are_all=False)) == 2


def test_a_finding_travels_unchanged(chat):
    bench, _, other, say = chat
    content, _ = say()
    bench.deliver(other, content)
    finding = only(bench)
    assert from_plain(Finding, to_plain(finding)) == finding


def test_a_link_is_explained_by_everything_that_is_known_of_it_once(bench):
    receiver = bench.connect()
    for why in ("a slow reader", "messages were dropped", "a slow reader"):
        receiver.explain(why)
    assert receiver.connection.note == "a slow reader; messages were dropped"
