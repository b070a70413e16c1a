"""A coordinator made of the test itself: binds, and says to a real worker exactly what the test wants said.

    with Coordinator(place) as coordinator:
        worker = start_program("lipsweep-worker", "--connect", coordinator.endpoint, ...)
        welcome = coordinator.expect_hello()      # and answers Welcome
        coordinator.lease(job_text)
        result = coordinator.receive("result").result"""

import time

import zmq

from processes import TIME_FACTOR
from wire import Envelope, PROTOCOL, messages

HEARTBEAT_MS = 200


def endpoint_in(place):
    folder = place / "sock"
    folder.mkdir(mode=0o700, exist_ok=True)
    return f"ipc://{folder}/c"


class Coordinator:
    def __init__(self, place, database="/test.db", endpoint=None):
        self.database = database
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(endpoint or endpoint_in(place))
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.peer, self.instance, self.hello = None, None, None  # of the newest Hello
        self.known = set()  # peers that said Hello to this coordinator
        self.welcomed = set()
        self.next_job = 1
        self.backlog = []
        self.silent = False    # acknowledge no heartbeat

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        self.context.term()

    def send(self, request=0, peer=None, **body):
        (name, fields), = body.items()
        envelope = Envelope(request=request)
        part = getattr(envelope, name)
        part.SetInParent()
        part.CopyFrom(type(part)(**fields) if isinstance(fields, dict) else fields)
        self.socket.send_multipart([peer or self.peer, envelope.SerializeToString()])

    def receive(self, *names, timeout=60.0, where=lambda envelope: True):
        """The next envelope with a body of one of these names; others wait in the backlog."""
        def wanted(envelope):
            return envelope.WhichOneof("body") in names and where(envelope)

        for index, envelope in enumerate(self.backlog):
            if wanted(envelope):
                return self.backlog.pop(index)
        limit = time.monotonic() + timeout * TIME_FACTOR
        while (left := limit - time.monotonic()) > 0:
            if not self.socket.poll(left * 1000):
                break
            peer, data = self.socket.recv_multipart()
            envelope = Envelope.FromString(data)
            if envelope.WhichOneof("body") == "hello":
                self.peer = peer
                self.known.add(peer)
            elif peer not in self.known:  # one that knew the coordinator before this one
                self.send(peer=peer, who_are_you={})
                continue
            if envelope.WhichOneof("body") == "heartbeat" and not self.silent:
                self.send(peer=peer, heartbeat_ack=dict(sequence=envelope.heartbeat.sequence))
            if envelope.WhichOneof("body") == "checkpoint_chunk" and not self.silent:
                self.acknowledge_checkpoint(peer, envelope.checkpoint_chunk)
            if wanted(envelope):
                return envelope
            if envelope.WhichOneof("body") == "hello" and peer in self.welcomed:
                self.welcome(envelope)  # on a slow machine it thought this coordinator away
                continue
            if envelope.WhichOneof("body") != "heartbeat":
                self.backlog.append(envelope)
        seen = [envelope.WhichOneof("body") for envelope in self.backlog]
        raise AssertionError(f"no {' or '.join(names)} in {timeout * TIME_FACTOR:g} s; came: {seen}")

    def expect_hello(self, timeout=60.0, welcome=True):
        envelope = self.receive("hello", timeout=timeout)
        self.hello, self.instance = envelope.hello, envelope.hello.instance
        if welcome:
            self.welcome(envelope)
        return envelope.hello

    def welcome(self, envelope):
        self.welcomed.add(self.peer)
        self.send(request=envelope.request, welcome=dict(
            protocol=PROTOCOL, build="test", lease_ms=5000, heartbeat_ms=HEARTBEAT_MS, no_progress_ms=300000,
            pid=1, database=self.database))

    def expect_heartbeat(self, condition=lambda heartbeat: True, timeout=60.0):
        return self.receive("heartbeat", timeout=timeout,
                            where=lambda envelope: condition(envelope.heartbeat)).heartbeat

    def lease(self, description, attempt=1, job=None, instance=None, **more):
        """Leases a job to the worker; returns its AttemptId. `more` are fields of the Lease."""
        if job is None:
            job, self.next_job = self.next_job, self.next_job + 1
        identity = messages.AttemptId(job=job, attempt=attempt, instance=instance or self.instance)
        self.send(lease=dict(attempt=identity, sweep="test", description=description, max_attempts=5,
                             **more))
        return identity

    def expect_weights(self, attempt, offset):
        return self.receive("weights_chunk", where=lambda e: e.weights_chunk.attempt == attempt
                            and e.weights_chunk.offset == offset).weights_chunk

    def acknowledge_weights(self, chunk, **fields):
        self.send(weights_ack=dict(attempt=chunk.attempt, digest=chunk.digest, **fields))

    def acknowledge_checkpoint(self, peer, chunk):
        offset = chunk.offset + len(chunk.data)
        self.send(peer=peer, checkpoint_ack=dict(attempt=chunk.attempt, file=chunk.checkpoint.file, next_offset=offset,
                                                 stored=offset == chunk.checkpoint.size))

    def acknowledge(self, result, accepted=True):
        self.send(result_ack=dict(attempt=result.attempt, accepted=accepted, reason="" if accepted else "over"))

    def expect_result(self, attempt, timeout=120.0, acknowledge=True):
        result = self.receive("result", timeout=timeout, where=lambda e: e.result.attempt == attempt).result
        if acknowledge:
            self.acknowledge(result)
        return result

    def expect_release(self, attempt, timeout=60.0):
        release = self.receive("release", timeout=timeout, where=lambda e: e.release.attempt == attempt).release
        self.send(release_ack=dict(attempt=attempt))
        return release
