import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

/** Field of `google.protobuf.FileDescriptorSet` that holds the files. */
const fileField = 1;

interface DescribedFile {
  /** The descriptor as it stands in the image, byte for byte, since re-encoding it would lose what is not known here. */
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
}

/** Finds proto files in a descriptor image by their name, by a symbol, or by an extension that they declare. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescribedFile>();
  readonly #fileOfSymbol = new Map<string, string>();
  readonly #extensionNumbers = new Map<string, number[]>();
  readonly #fileOfExtension = new Map<string, string>();
  readonly #messages = new Set<string>();

  /** Reads a serialized `google.protobuf.FileDescriptorSet`. */
  constructor(image: Uint8Array) {
    const reader = new BinaryReader(image);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field !== fileField) {
        reader.skip(wireType);
        continue;
      }
      const bytes = reader.bytes();
      this.#addFile(fromBinary(FileDescriptorProtoSchema, bytes), bytes);
    }
  }

  /** A file and everything that it imports, each before what it imports itself; undefined when it is not there. */
  filesByName(name: string): Buffer[] | undefined {
    if (!this.#files.has(name)) {
      return undefined;
    }
    const closure = new Set<string>();
    this.#collect(name, closure);
    return [...closure].flatMap((each) => this.#files.get(each)?.bytes ?? []).reverse();
  }

  /** Adds what a file imports, then the file. */
  #collect(name: string, closure: Set<string>): void {
    if (closure.has(name)) {
      return;
    }
    for (const dependency of this.#files.get(name)?.dependencies ?? []) {
      this.#collect(dependency, closure);
    }
    closure.add(name);
  }

  /** The file that declares a message, field, enum, enum value, service or method, with what it imports. */
  filesBySymbol(symbol: string): Buffer[] | undefined {
    const name = this.#fileOfSymbol.get(symbol);
    return name === undefined ? undefined : this.filesByName(name);
  }

  /** The file that declares an extension of a message, with what it imports. */
  filesByExtension(messageName: string, number: number): Buffer[] | undefined {
    const name = this.#fileOfExtension.get(`${messageName}/${number}`);
    return name === undefined ? undefined : this.filesByName(name);
  }

  /** The numbers of all extensions of a message; undefined when the message is not there. */
  extensionNumbers(messageName: string): readonly number[] | undefined {
    return this.#messages.has(messageName) ? (this.#extensionNumbers.get(messageName) ?? []) : undefined;
  }

  #addFile(file: FileDescriptorProto, bytes: Uint8Array): void {
    this.#files.set(file.name, {
      bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      dependencies: file.dependency,
    });
    for (const message of file.messageType) {
      this.#addMessage(message, file.package, file.name);
    }
    for (const enumeration of file.enumType) {
      this.#addEnum(enumeration, file.package, file.name);
    }
    this.#addExtensions(file.extension, file.package, file.name);
    for (const service of file.service) {
      const name = this.#addSymbol(service.name, file.package, file.name);
      for (const method of service.method) {
        this.#addSymbol(method.name, name, file.name);
      }
    }
  }

  #addMessage(message: DescriptorProto, scope: string, fileName: string): void {
    const name = this.#addSymbol(message.name, scope, fileName);
    this.#messages.add(name);
    for (const field of message.field) {
      this.#addSymbol(field.name, name, fileName);
    }
    for (const oneof of message.oneofDecl) {
      this.#addSymbol(oneof.name, name, fileName);
    }
    for (const nested of message.nestedType) {
      this.#addMessage(nested, name, fileName);
    }
    for (const enumeration of message.enumType) {
      this.#addEnum(enumeration, name, fileName);
    }
    this.#addExtensions(message.extension, name, fileName);
  }

  /** The values of an enum are siblings of it, as in C++. */
  #addEnum(enumeration: EnumDescriptorProto, scope: string, fileName: string): void {
    this.#addSymbol(enumeration.name, scope, fileName);
    for (const value of enumeration.value) {
      this.#addSymbol(value.name, scope, fileName);
    }
  }

  #addExtensions(extensions: readonly FieldDescriptorProto[], scope: string, fileName: string): void {
    for (const { name, extendee, number } of extensions) {
      this.#addSymbol(name, scope, fileName);
      const messageName = extendee.replace(/^\./, "");
      this.#fileOfExtension.set(`${messageName}/${number}`, fileName);
      this.#extensionNumbers.set(messageName, [...(this.#extensionNumbers.get(messageName) ?? []), number]);
    }
  }

  #addSymbol(name: string, scope: string, fileName: string): string {
    const fullName = scope === "" ? name : `${scope}.${name}`;
    this.#fileOfSymbol.set(fullName, fileName);
    return fullName;
  }
}
