"""The wire protocol from outside: Envelopes of schemas/wire.proto over pyzmq.

    from wire import Peer, messages
    with Peer(endpoint) as peer:
        peer.hello()                                  # as a worker; role="client" for the other
        peer.heartbeat(free_slots=1)
        lease = peer.receive("lease").lease

The classes are made with protoc-c (which the build needs anyway) from the schema itself, so a test can never
speak an older one. `messages.Hello(...)` and so on are the protobuf classes."""

import pathlib
import secrets
import subprocess
import tempfile
import time
import types

import zmq
from google.protobuf import descriptor_pb2, message_factory

from processes import TIME_FACTOR

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"
PROTOCOL = 3


def _load():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "wire.desc"
        subprocess.run(["protoc-c", f"--proto_path={SCHEMAS}", f"--descriptor_set_out={path}", "wire.proto"],
                       check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
    classes = message_factory.GetMessages(files)
    return types.SimpleNamespace(**{name.removeprefix("wire."): cls for name, cls in classes.items()})


messages = _load()
Envelope = messages.Envelope
BODIES = [field.name for field in Envelope.DESCRIPTOR.oneofs_by_name["body"].fields]
ROLES = {"unknown": 0, "worker": 1, "client": 2}


class Peer:
    """A DEALER that speaks to a coordinator: a worker, a client, or somebody hostile."""

    def __init__(self, endpoint, instance=None, secure=lambda socket: None):
        self.instance = instance or secrets.token_bytes(16)
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 500)
        secure(self.socket)
        self.socket.connect(endpoint)
        self.request = 0
        self.sequence = 0
        self.backlog = []  # received while waiting for something else

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        self.context.term()

    def send_raw(self, *frames):
        self.socket.send_multipart(list(frames))

    def send(self, request=0, **body):
        """send(hello=dict(...)) or send(hello=messages.Hello(...)): one envelope."""
        (name, fields), = body.items()
        envelope = Envelope(request=request)
        part = getattr(envelope, name)
        part.SetInParent()
        part.CopyFrom(type(part)(**fields) if isinstance(fields, dict) else fields)
        self.send_raw(envelope.SerializeToString())

    def receive_any(self, timeout=60.0):
        """The next envelope of the wire, or None when none came in time."""
        if not self.socket.poll(max(0, timeout * TIME_FACTOR * 1000)):
            return None
        frames = self.socket.recv_multipart()
        assert len(frames) == 1, f"a message of {len(frames)} frames"
        return Envelope.FromString(frames[0])

    def receive(self, *names, timeout=60.0, where=lambda envelope: True):
        """The next envelope with a body of one of these names; others wait in the backlog."""
        def wanted(envelope):
            return envelope.WhichOneof("body") in names and where(envelope)

        for place, envelope in enumerate(self.backlog):
            if wanted(envelope):
                return self.backlog.pop(place)
        limit = time.monotonic() + timeout * TIME_FACTOR
        while (left := limit - time.monotonic()) > 0:
            envelope = self.receive_any(left / TIME_FACTOR)
            if envelope is None:
                break
            if wanted(envelope):
                return envelope
            self.backlog.append(envelope)
        seen = [envelope.WhichOneof("body") for envelope in self.backlog]
        raise AssertionError(f"no {' or '.join(names)} in {timeout * TIME_FACTOR:g} s; came: {seen}")

    def ask(self, timeout=60.0, **body):
        """Sends a request and returns the answer with its number, refusals included."""
        self.request += 1
        number = self.request
        self.send(request=number, **body)
        return self.receive(*BODIES, timeout=timeout, where=lambda envelope: envelope.request == number)

    def hello(self, role="worker", protocol=PROTOCOL, timeout=60.0, **fields):
        """Says Hello and returns the envelope with Welcome or Refused."""
        defaults = dict(protocol=protocol, role=ROLES[role], instance=self.instance, build="test", host="test",
                        pid=1, slots=1, threads=1, cpu_count=1, memory_bytes=1 << 34, cpu_class="test")
        return self.ask(timeout=timeout, hello=defaults | fields)

    def heartbeat(self, free_slots=1, free_memory_bytes=1 << 34, running=()):
        """running: Progress messages of the attempts this worker holds."""
        self.sequence += 1
        self.send(heartbeat=dict(running=running, free_slots=free_slots, sequence=self.sequence,
                                 free_memory_bytes=free_memory_bytes))
