import type { Knex } from "knex";

/**
 * Tables of the nouns, the revision counter and the log of changes. Names sort by their bytes, so that pages do not
 * depend on the database's locale. Nested messages (policy, probe, price, rules, fallback config) are stored as encoded
 * protobuf, and only written where they change: what a newer version put there is kept even by one that cannot read it.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(tables);
}

const tables = `
  create table config_revision (
    only_row boolean primary key default true check (only_row),
    revision bigint not null
  );
  insert into config_revision (revision) values (0);

  create table config_changes (
    revision bigint not null,
    position integer not null,
    kind smallint not null,
    resource_type text not null,
    resource_id text not null,
    name text not null,
    fields text[] not null,
    source text not null,
    created_at timestamptz not null,
    primary key (revision, position)
  );

  create table create_requests (
    method text not null,
    request_id text not null,
    fingerprint bytea not null,
    response bytea not null,
    created_at timestamptz not null,
    primary key (method, request_id)
  );
  create index create_requests_by_age on create_requests (created_at);

  create table secrets (
    secret_id text primary key,
    name text collate "C" not null constraint secrets_name_is_unique unique,
    provider text not null,
    ciphertext bytea not null,
    wrapped_data_key bytea not null,
    key_id text not null,
    masked_values jsonb not null,
    auth_config jsonb not null,
    created_by text,
    last_updated_by text,
    created_at timestamptz not null,
    last_updated_at timestamptz not null,
    revision bigint not null,
    source text not null
  );

  create table model_definitions (
    model_definition_id text primary key,
    name text collate "C" not null constraint model_definitions_name_is_unique unique,
    secret_id text references secrets on delete restrict,
    provider text not null,
    model_name text not null,
    base_url text,
    context_window bigint,
    max_output_tokens bigint,
    capabilities text[] not null,
    propagate_trace_context boolean,
    price bytea,
    policy bytea,
    probe bytea,
    created_by text,
    last_updated_by text,
    created_at timestamptz not null,
    last_updated_at timestamptz not null,
    revision bigint not null,
    source text not null
  );
  create index model_definitions_by_secret on model_definitions (secret_id);

  create table endpoints (
    endpoint_id text primary key,
    name text collate "C" not null constraint endpoints_name_is_unique unique,
    routing_strategy integer,
    fallback_config bytea,
    experiment_id text,
    usage_tracking boolean,
    policy bytea,
    rules bytea,
    sticky_key text,
    description text,
    created_by text,
    last_updated_by text,
    created_at timestamptz not null,
    last_updated_at timestamptz not null,
    revision bigint not null,
    source text not null
  );

  create table endpoint_model_mappings (
    mapping_id text primary key,
    endpoint_id text not null references endpoints on delete cascade,
    model_definition_id text not null references model_definitions on delete restrict,
    linkage_type integer not null,
    position integer not null,
    weight real,
    fallback_order integer,
    name text,
    policy bytea,
    probe bytea,
    created_by text,
    created_at timestamptz not null,
    constraint endpoint_model_mappings_are_unique unique (endpoint_id, model_definition_id, linkage_type)
  );
  create index endpoint_model_mappings_by_model on endpoint_model_mappings (model_definition_id);

  create table endpoint_tags (
    endpoint_id text not null references endpoints on delete cascade,
    key text collate "C" not null,
    value text not null,
    primary key (endpoint_id, key)
  );

  create table api_keys (
    key_id text primary key,
    name text collate "C" not null constraint api_keys_name_is_unique unique,
    key_hash bytea not null constraint api_keys_hash_is_unique unique,
    endpoints text[] not null,
    limits bytea,
    created_at timestamptz not null,
    last_updated_at timestamptz not null,
    revision bigint not null,
    source text not null
  );

  create table budgets (
    budget_id text primary key,
    name text collate "C" not null constraint budgets_name_is_unique unique,
    definition bytea not null,
    created_at timestamptz not null,
    last_updated_at timestamptz not null,
    revision bigint not null,
    source text not null
  );
`;
