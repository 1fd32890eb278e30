// What is known of a message: its fields by number and by name. Made from the reflection of protobufjs, once a type.

import type { Enum, Field, Type } from "protobufjs";

export type Scalar =
  | "double"
  | "float"
  | "int32"
  | "uint32"
  | "sint32"
  | "fixed32"
  | "sfixed32"
  | "int64"
  | "uint64"
  | "sint64"
  | "fixed64"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes";

export interface EnumType {
  readonly name: string;
  readonly numbers: Readonly<Record<string, number>>;
  readonly names: ReadonlyMap<number, string>;
}

export interface FieldType {
  readonly id: number;
  /** As declared. */
  readonly name: string;
  /** As JSON has it: lowerCamelCase, or what `json_name` says. */
  readonly jsonName: string;
  readonly value: ValueType;
  readonly repeated: boolean;
  readonly packed: boolean;
  /** Of a map: what its keys are; null: no map. */
  readonly mapKey: Scalar | null;
  /** Whether unset and zero are told apart. */
  readonly presence: boolean;
  /** Of a group, and of messages encoded like one. */
  readonly delimited: boolean;
  /** Numbers of all members of its oneof; empty where it is in none. */
  readonly oneof: readonly number[];
}

export type ValueType =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "enum"; readonly enum: EnumType }
  | { readonly kind: "message"; readonly message: MessageType };

export class MessageType {
  /** Full, without a leading dot. */
  readonly name: string;
  /** Finds a type by its full name, for google.protobuf.Any; undefined where it is unknown. */
  readonly find: (name: string) => MessageType | undefined;
  readonly #type: Type;
  readonly #types: MessageTypes;
  #fields: readonly FieldType[] | null = null;
  #byId: ReadonlyMap<number, FieldType> | null = null;
  #byName: ReadonlyMap<string, FieldType> | null = null;

  constructor(type: Type, types: MessageTypes) {
    this.name = withoutDot(type.fullName);
    this.find = (name) => types.find(name);
    this.#type = type;
    this.#types = types;
  }

  /** In the order of their numbers. */
  get fields(): readonly FieldType[] {
    this.#fields ??= this.#type.fieldsArray
      .map((field) => fieldOf(field, this.#types))
      .sort((a, b) => a.id - b.id);
    return this.#fields;
  }

  byId(id: number): FieldType | undefined {
    this.#byId ??= new Map(this.fields.map((field) => [field.id, field]));
    return this.#byId.get(id);
  }

  /** By its declared name, or that of JSON. */
  byName(name: string): FieldType | undefined {
    this.#byName ??= new Map(
      this.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]),
    );
    return this.#byName.get(name);
  }
}

/** All message types of one root. */
export class MessageTypes {
  readonly #known = new Map<Type, MessageType>();
  readonly #lookup: (name: string) => Type | undefined;

  constructor(lookup: (name: string) => Type | undefined) {
    this.#lookup = lookup;
  }

  find(name: string): MessageType | undefined {
    const type = this.#lookup(name);
    return type && this.of(type);
  }

  of(type: Type): MessageType {
    let made = this.#known.get(type);
    if (!made) {
      made = new MessageType(type, this);
      this.#known.set(type, made);
    }
    return made;
  }
}

export function withoutDot(name: string): string {
  return name.startsWith(".") ? name.slice(1) : name;
}

function fieldOf(field: Field, types: MessageTypes): FieldType {
  const { name, id } = field;
  const jsonName: unknown = field.options?.json_name;
  return {
    id,
    name,
    jsonName: typeof jsonName === "string" ? jsonName : lowerCamel(name),
    value: valueTypeOf(field, types),
    repeated: field.repeated,
    packed: field.packed,
    // A map is a MapField, which has a keyType that Field does not declare.
    mapKey: field.map ? ((field as Field & { readonly keyType: Scalar }).keyType ?? "string") : null,
    presence: field.hasPresence || (isMessage(field) && !field.repeated && !field.map),
    delimited: field.delimited,
    oneof: field.partOf?.fieldsArray.map((member) => member.id) ?? [],
  };
}

function isMessage({ resolvedType }: Field): boolean {
  return resolvedType !== null && !("valuesById" in resolvedType);
}

function valueTypeOf(field: Field, types: MessageTypes): ValueType {
  const { resolvedType } = field;
  if (resolvedType === null) return { kind: "scalar", scalar: field.type as Scalar }; // no other types are left
  if ("valuesById" in resolvedType) return { kind: "enum", enum: enumOf(resolvedType) };
  return { kind: "message", message: types.of(resolvedType) };
}

/** Of several names for one number, JSON has the first (`allow_alias`). */
function enumOf(type: Enum): EnumType {
  const names = new Map<number, string>();
  for (const [name, number] of Object.entries(type.values)) if (!names.has(number)) names.set(number, name);
  return { name: withoutDot(type.fullName), numbers: type.values, names };
}

/** As protoc makes `json_name`: an underscore goes, and the letter behind it becomes a capital. */
function lowerCamel(name: string): string {
  return name.replace(/_([a-z])?/g, (_all, letter: string | undefined) => letter?.toUpperCase() ?? "");
}
