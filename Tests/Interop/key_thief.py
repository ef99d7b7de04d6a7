"""Asks a token for the octets of its one private key, in plain and wrapped, and prints what it answers.

A program of its own, since a module reads its environment once per process: module as argument, PIN on standard input.
"""
import ctypes
import json
import sys

ULONG = ctypes.c_ulong
CKA_CLASS, CKA_LABEL, CKA_VALUE, CKA_WRAP, CKA_VALUE_LEN = 0, 3, 0x11, 0x106, 0x161
CKO_PRIVATE_KEY, CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP_PAD = 3, 0x1080, 0x210A


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_void_p), ("length", ULONG)]

    def __init__(self, kind, value):
        self.kept = value
        super().__init__(kind, ctypes.cast(ctypes.byref(value), ctypes.c_void_p), ctypes.sizeof(value))


class Mechanism(ctypes.Structure):
    _fields_ = [("type", ULONG), ("parameter", ctypes.c_void_p), ("length", ULONG)]


module, pin = ctypes.CDLL(sys.argv[1]), sys.stdin.readline().strip().encode()


def must(code):
    assert code == 0, hex(code)


def session_of_token():
    must(module.C_Initialize(None))
    slots, count = (ULONG * 8)(), ULONG(8)
    must(module.C_GetSlotList(ctypes.c_ubyte(1), slots, ctypes.byref(count)))
    session = ULONG()
    for slot in slots[:count.value]:
        opened = module.C_OpenSession(ULONG(slot), ULONG(6), None, None, ctypes.byref(session))
        if opened == 0 and module.C_Login(session, ULONG(1), pin, ULONG(len(pin))) == 0:
            return session
    raise SystemExit("no token takes this PIN")


session = session_of_token()
wanted = Attribute(CKA_CLASS, ULONG(CKO_PRIVATE_KEY))
must(module.C_FindObjectsInit(session, ctypes.byref(wanted), ULONG(1)))
keys, found = (ULONG * 2)(), ULONG()
must(module.C_FindObjects(session, keys, ULONG(2), ctypes.byref(found)))
must(module.C_FindObjectsFinal(session))
assert found.value == 1, found.value
key = ULONG(keys[0])


def read(kind):
    attribute = Attribute(kind, (ctypes.c_ubyte * 512)())
    code = module.C_GetAttributeValue(session, key, ctypes.byref(attribute), ULONG(1))
    return code, bytes(attribute.kept[:attribute.length]) if code == 0 else b""


def wrap():
    # An array copies the structures, and their values have to outlive them.
    attributes = [Attribute(CKA_WRAP, ctypes.c_ubyte(1)), Attribute(CKA_VALUE_LEN, ULONG(32))]
    template = (Attribute * 2)(*attributes)
    wrapper = ULONG()
    must(module.C_GenerateKey(session, ctypes.byref(Mechanism(CKM_AES_KEY_GEN, None, 0)), template, ULONG(2),
                              ctypes.byref(wrapper)))
    octets, length = (ctypes.c_ubyte * 1024)(), ULONG(1024)
    return module.C_WrapKey(session, ctypes.byref(Mechanism(CKM_AES_KEY_WRAP_PAD, None, 0)), wrapper, key, octets,
                            ctypes.byref(length))


print(json.dumps({"label": read(CKA_LABEL)[1].decode(), "plain": read(CKA_VALUE)[0], "wrapped": wrap()}))
