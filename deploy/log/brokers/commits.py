"""The end of a transaction, by a client that asks for it again by itself where its connection breaks.

Of two requests for an end both may arrive, the first one late: during the next transaction, whose first records it
would commit without the others. A new producer is safe from it, since what an earlier epoch asks for is refused.
"""

from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.producer.transaction_manager import EndTxnHandler


def commit_transaction(producer: Any) -> int:
    """Commit what a producer has written; returns how many requests to do so were never answered."""
    manager = producer._transaction_manager
    enqueue, unanswered = manager._enqueue_request, 0

    def watched(handler: Any) -> None:
        if isinstance(handler, EndTxnHandler) and not handler.is_retry:
            complete = handler.on_complete

            def count(number: int, answer: object) -> None:
                nonlocal unanswered
                unanswered += isinstance(answer, KafkaConnectionError)
                complete(number, answer)

            handler.on_complete = count
        enqueue(handler)

    manager._enqueue_request = watched
    try:
        producer.commit_transaction()
    finally:
        del manager._enqueue_request
    return unanswered
