import { Op } from "./pickle-opcodes.js";
import type { PickleReader } from "./pickle-reader.js";
import { OpaqueObject, PythonName } from "./pickle-values.js";

/** The value in an opcode's own argument. Throws FormatError for any other opcode. */
export function readLiteral(op: number, reader: PickleReader): unknown {
  switch (op) {
    case Op.NONE:
      return null;
    case Op.NEWTRUE:
      return true;
    case Op.NEWFALSE:
      return false;
    case Op.INT: {
      // Protocol 0 writes False and True as the integers 00 and 01.
      const text = reader.line().trim();
      return text === "00" ? false : text === "01" ? true : (reader.decimal(text) ?? hugeInteger());
    }
    case Op.LONG:
      return reader.decimal(reader.line().replace(/L\s*$/, "")) ?? hugeInteger();
    case Op.BININT:
      return reader.int32();
    case Op.BININT1:
      return reader.uint8();
    case Op.BININT2:
      return reader.uint16();
    case Op.LONG1:
      return reader.integer(reader.uint8()) ?? hugeInteger();
    case Op.LONG4:
      return reader.integer(reader.int32()) ?? hugeInteger();
    case Op.FLOAT:
      return reader.float(reader.line());
    case Op.BINFLOAT:
      return reader.float64();
    case Op.STRING:
      return reader.quotedLine();
    case Op.UNICODE:
      return reader.unicodeLine();
    case Op.BINUNICODE:
      return reader.text(reader.uint32());
    case Op.SHORT_BINUNICODE:
      return reader.text(reader.uint8());
    case Op.BINUNICODE8:
      return reader.text(reader.uint64());
    case Op.BINSTRING:
      return reader.byteString(reader.int32());
    case Op.SHORT_BINSTRING:
      return reader.byteString(reader.uint8());
    case Op.BINBYTES:
      return reader.blob(reader.uint32());
    case Op.SHORT_BINBYTES:
      return reader.blob(reader.uint8());
    case Op.BINBYTES8:
    case Op.BYTEARRAY8:
      return reader.blob(reader.uint64());
    default:
      throw reader.error(describeUnknown(op));
  }
}

/** An integer with thousands of digits, as an object without its value. */
function hugeInteger(): OpaqueObject {
  return new OpaqueObject(new PythonName("builtins", "int"), []);
}

function describeUnknown(op: number): string {
  switch (op) {
    case Op.EXT1:
    case Op.EXT2:
    case Op.EXT4:
      return `a name by its number in Python's extension registry (opcode 0x${op.toString(16)}), which is not in the file`;
    case Op.NEXT_BUFFER:
    case Op.READONLY_BUFFER:
      return `a protocol 5 buffer outside of the file (opcode 0x${op.toString(16)})`;
    default:
      return `unknown opcode 0x${op.toString(16)}`;
  }
}
