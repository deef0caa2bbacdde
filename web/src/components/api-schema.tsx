import { Fragment, type ReactNode } from 'react';
import { t } from '../lib/i18n';
import { fieldsOf, inner, type OpenApi, type Parameter, type Schema, typeOf } from '../lib/openapi';

/** Paragraphs and `code`, which is all that the descriptions use. */
export const Prose = ({ text, className = '' }: { text: string | undefined; className?: string }) =>
  text
    ?.trim()
    .split(/\n\s*\n/)
    .map((paragraph, i) => (
      <p key={i} className={className}>
        <Inline text={paragraph} />
      </p>
    ));

export const Inline = ({ text }: { text: string }) =>
  text
    .split('`')
    .map((part, i) => (i % 2 ? <code key={i}>{part}</code> : <Fragment key={i}>{part}</Fragment>));

/** Names of schemas lead to them. */
export function Type({ api, type }: { api: OpenApi; type: string }) {
  const parts = type.split(/\b([A-Z]\w+)\b/);
  return (
    <code className="text-soft text-xs break-words">
      {parts.map((part, i) =>
        i % 2 && api.components?.schemas?.[part] ? (
          <a key={i} href={`#schema-${part}`} className="link">
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </code>
  );
}

interface RowProps {
  api: OpenApi;
  name: string;
  type: string;
  required: boolean;
  where?: string;
  schema: Schema | undefined;
  description?: string;
  children?: ReactNode;
}

const Row = ({ api, name, type, required, where, schema, description, children }: RowProps) => (
  <li className="text-sm">
    <code className="font-medium break-all">{name}</code>
    {required && <span className="text-fair text-xs"> {t('docs.required')}</span>}
    {where && <span className="text-soft text-xs"> {where}</span>} <Type api={api} type={type} />
    {schema?.default !== undefined && (
      <span className="text-soft text-xs">
        {' '}
        {t('docs.default')} <code>{JSON.stringify(schema.default)}</code>
      </span>
    )}
    {(description ?? schema?.description) && (
      <span className="text-soft block text-xs">
        <Inline text={description ?? schema?.description ?? ''} />
      </span>
    )}
    {children}
  </li>
);

export function Fields({ api, schema }: { api: OpenApi; schema: Schema }) {
  const fields = fieldsOf(api, schema);
  if (fields.length === 0) return null;
  return (
    <ul className="border-line mt-1 space-y-1.5 border-l-2 pl-3">
      {fields.map((field) => {
        const within = inner(field.schema);
        return (
          <Row key={field.name} api={api} {...field} type={within ? outline(field.schema) : field.type}>
            {within && <Fields api={api} schema={within} />}
          </Row>
        );
      })}
    </ul>
  );
}

const outline = (schema: Schema): string => (schema.items ? `${outline(schema.items)}[]` : 'object');

/** A body: the name of its type, or its members. */
export function Shape({ api, schema }: { api: OpenApi; schema: Schema | undefined }) {
  if (!schema) return null;
  const within = inner(schema) ?? (schema.allOf ? schema : null);
  if (!within) return <Type api={api} type={typeOf(schema)} />;
  return (
    <>
      {schema.items && <Type api={api} type={outline(schema)} />}
      <Fields api={api} schema={within} />
    </>
  );
}

export const Parameters = ({ api, parameters }: { api: OpenApi; parameters: Parameter[] }) => (
  <ul className="space-y-1.5">
    {parameters.map((one) => (
      <Row
        key={`${one.in}-${one.name}`}
        api={api}
        name={one.name}
        where={one.in}
        type={typeOf(one.schema)}
        required={one.required ?? false}
        schema={one.schema}
        description={one.description}
      />
    ))}
  </ul>
);
