"""Makes the calls that come in on stdin, one JSON object a line, and prints what pymodbus understood of each answer.

Arguments: "pty" and a serial port, or "tcp" and the port of the device server; the unit id.
"""

import json
import sys

from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
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


def client(kind, place):
    # A busy machine is no reason to ask twice: a lost request has to show.
    patience = {"timeout": 20, "retries": 0}
    if kind == "pty":
        return ModbusSerialClient(place, framer=FramerType.RTU, baudrate=115200, **patience)
    return ModbusTcpClient("127.0.0.1", port=int(place), framer=FramerType.RTU, **patience)


def main():
    kind, place, unit = sys.argv[1:4]
    unit = int(unit)
    master = client(kind, place)
    if not master.connect():
        sys.exit(f"cannot connect to the unit at {place}")
    for line in sys.stdin:
        call = json.loads(line)
        if "msg" in call:
            call["msg"] = bytes.fromhex(call["msg"])
        answer = getattr(master, call.pop("call"))(**call, device_id=unit)
        print(json.dumps(understood(answer)), flush=True)
    master.close()


main()
