"""Makes the calls that come in on stdin, one JSON object a line, and prints what pymodbus understood of each answer.

Arguments: the TCP port of the device server, the unit id.
"""

import json
import sys

from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient
from pymodbus.pdu import ExceptionResponse


def understood(answer):
    if isinstance(answer, ExceptionResponse):
        return {"exception": answer.exception_code}
    if answer.isError():
        return {"error": str(answer)}
    if hasattr(answer, "information"):
        return {"information": {str(key): text.decode() for key, text in answer.information.items()}}
    if hasattr(answer, "identifier"):
        return {"identifier": answer.identifier.decode("latin-1")}
    if hasattr(answer, "message"):
        message = answer.message
        return {"message": (message if isinstance(message, bytes) else bytes(message)).hex()}
    return {"registers": answer.registers}


def main():
    port, unit = map(int, sys.argv[1:3])
    # A busy machine is no reason to ask twice: a lost request has to show.
    client = ModbusTcpClient("127.0.0.1", port=port, framer=FramerType.RTU, timeout=20, retries=0)
    if not client.connect():
        sys.exit("cannot connect to the unit's device server")
    for line in sys.stdin:
        call = json.loads(line)
        if "msg" in call:
            call["msg"] = bytes.fromhex(call["msg"])
        answer = getattr(client, call.pop("call"))(**call, device_id=unit)
        print(json.dumps(understood(answer)), flush=True)
    client.close()


main()
