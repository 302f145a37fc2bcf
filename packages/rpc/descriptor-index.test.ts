import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FieldDescriptorProto_Type, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { DescriptorIndex } from "./descriptor-index.ts";

const extension = (name: string, number: number) => ({
  name,
  number,
  extendee: ".shop.v1.Order",
  type: FieldDescriptorProto_Type.STRING,
});

const files = {
  "base.proto": create(FileDescriptorProtoSchema, { name: "base.proto", package: "shop.v1" }),
  "order.proto": create(FileDescriptorProtoSchema, {
    name: "order.proto",
    package: "shop.v1",
    dependency: ["base.proto"],
    messageType: [
      {
        name: "Order",
        oneofDecl: [{ name: "payment" }],
        nestedType: [{ name: "Line" }],
        enumType: [{ name: "State", value: [{ name: "STATE_OPEN" }] }],
      },
    ],
  }),
  "gift.proto": create(FileDescriptorProtoSchema, {
    name: "gift.proto",
    package: "gift",
    dependency: ["order.proto", "base.proto"],
    extension: [extension("wrapping", 100)],
    messageType: [{ name: "Card", extension: [extension("greeting", 101)] }],
  }),
};
type FileName = keyof typeof files;

const image = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: Object.values(files) }));
const index = new DescriptorIndex(image);
const bytesOf = (...names: FileName[]) =>
  names.map((name) => Buffer.from(toBinary(FileDescriptorProtoSchema, files[name])));

describe("a descriptor image", () => {
  test("gives a file with all it imports, each once and before what it imports itself", () => {
    expect(index.filesByName("gift.proto")).toEqual(bytesOf("gift.proto", "order.proto", "base.proto"));
    expect(index.filesByName("base.proto")).toEqual(bytesOf("base.proto"));
    expect(index.filesByName("absent.proto")).toBeUndefined();
  });

  test.each([
    "shop.v1.Order",
    "shop.v1.Order.payment",
    "shop.v1.Order.Line",
    "shop.v1.Order.State",
    "shop.v1.Order.STATE_OPEN",
  ])("finds %s in the file that declares it", (symbol) => {
    expect(index.filesBySymbol(symbol)).toEqual(bytesOf("order.proto", "base.proto"));
  });

  test("finds extensions, at the top and inside a message, by name and by number", () => {
    const expected = bytesOf("gift.proto", "order.proto", "base.proto");
    for (const symbol of ["gift.wrapping", "gift.Card.greeting"]) {
      expect(index.filesBySymbol(symbol)).toEqual(expected);
    }
    for (const number of [100, 101]) {
      expect(index.filesByExtension("shop.v1.Order", number)).toEqual(expected);
    }
    expect(index.filesByExtension("shop.v1.Order", 102)).toBeUndefined();
    expect(index.extensionNumbers("shop.v1.Order")?.toSorted()).toEqual([100, 101]);
    expect(index.extensionNumbers("gift.Card")).toEqual([]);
    expect(index.extensionNumbers("gift.Absent")).toBeUndefined();
  });

  test("may hold fields of a later version", () => {
    const later = new BinaryWriter().tag(9, WireType.LengthDelimited).string("news").tag(10, WireType.Varint).uint32(7);
    const read = new DescriptorIndex(Buffer.concat([later.finish(), image]));
    expect(read.filesByName("base.proto")).toEqual(bytesOf("base.proto"));
  });
});
