"""A client without a device, that asks how it is seen, and stays: prints each frame that it gets, and at the end the close code. One
JSON document a line.

    websocket.py ADDRESS PORT TOKEN HOST [HEADER...]
"""

import base64
import json
import os
import socket
import struct
import sys


def receive(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise ConnectionError("the connection was cut")
        data += more
    return data


def read_frame(stream):
    """Opcode and payload of the next frame; servers do not mask."""
    first, second = receive(stream, 2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", receive(stream, 2))
    elif length == 127:
        (length,) = struct.unpack(">Q", receive(stream, 8))
    return first & 0x0F, receive(stream, length)


def write_frame(stream, opcode, payload):
    mask = os.urandom(4)
    size = len(payload)
    head = struct.pack(">BB", 0x80 | opcode, 0x80 | size) if size < 126 else struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    stream.sendall(head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))


def upgrade(stream, host, headers):
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET / HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13", *headers]
    stream.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(stream, 1)
    status = head.split(b"\r\n", 1)[0]
    if b" 101 " not in status:
        raise ConnectionError(status.decode())


def request(stream, number, method, params):
    write_frame(stream, 1, json.dumps({"type": "req", "id": number, "method": method, "params": params}).encode())


def say(**fields):
    print(json.dumps(fields), flush=True)


def main():
    address, port, token, host, *headers = sys.argv[1:]
    stream = socket.create_connection((address, int(port)), timeout=30)
    upgrade(stream, host, headers)
    params = {
        "minProtocol": 3, "maxProtocol": 4, "role": "operator", "scopes": [], "auth": {"token": token},
        "client": {"id": "cli", "mode": "cli", "version": "1.0.0", "platform": "linux"},
    }
    request(stream, "1", "connect", params)
    stream.settimeout(None)
    while True:
        opcode, payload = read_frame(stream)
        if opcode == 1:
            frame = json.loads(payload)
            say(frame=frame)
            if frame.get("id") == "1" and frame.get("ok"):
                request(stream, "2", "gateway.whoami", {})
        elif opcode == 8:
            say(closed=struct.unpack(">H", payload[:2])[0], reason=payload[2:].decode())
            return
        elif opcode == 9:
            write_frame(stream, 10, payload)


if __name__ == "__main__":
    main()
