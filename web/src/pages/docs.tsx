import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { askOriginal } from '../api/client';
import { Inline, Parameters, Prose, Shape } from '../components/api-schema';
import { ErrorNote, Loading } from '../components/notes';
import { Page } from '../components/page';
import { ERROR_CODES } from '../lib/error-text';
import { t } from '../lib/i18n';
import { type OpenApi, resolve, type Route, routesByTag } from '../lib/openapi';

const COLOURS: Record<string, string> = { get: 'text-good', delete: 'text-bad' };

function Operation({ api, route: { method, path, operation, parameters } }: { api: OpenApi; route: Route }) {
  const body = operation.requestBody?.content ?? {};
  return (
    <details id={operation.operationId} className="card scroll-mt-20">
      <summary className="flex flex-wrap items-baseline gap-x-3 px-4 py-2.5 text-sm">
        <span className={`w-14 font-mono text-xs font-bold uppercase ${COLOURS[method] ?? 'text-fair'}`}>
          {method}
        </span>
        <code className="font-medium break-all">{path}</code>
        <span className="text-soft">{operation.summary}</span>
      </summary>
      <div className="border-line space-y-4 border-t px-4 py-3">
        <Prose text={operation.description} className="text-sm whitespace-pre-line" />
        {parameters.length > 0 && (
          <section>
            <h3 className="mb-1 text-sm font-semibold">{t('docs.parameters')}</h3>
            <Parameters api={api} parameters={parameters} />
          </section>
        )}
        {Object.entries(body).map(([type, { schema }]) => (
          <section key={type}>
            <h3 className="text-sm font-semibold">
              {t('docs.body')} <code className="text-soft text-xs font-normal">{type}</code>
            </h3>
            <Shape api={api} schema={schema} />
          </section>
        ))}
        <section>
          <h3 className="mb-1 text-sm font-semibold">{t('docs.answers')}</h3>
          <ul className="space-y-1.5 text-sm">
            {Object.entries(operation.responses ?? {}).map(([status, given]) => {
              const answer = resolve(api, given);
              const content = Object.entries(answer.content ?? {});
              return (
                <li key={status}>
                  <code className="font-medium">{status === 'default' ? t('docs.else') : status}</code>{' '}
                  <Inline text={answer.description ?? ''} />{' '}
                  {content.map(([type, { schema }]) =>
                    schema ? (
                      <Shape key={type} api={api} schema={schema} />
                    ) : (
                      <code key={type} className="text-soft text-xs">
                        {type}
                      </code>
                    ),
                  )}
                </li>
              );
            })}
          </ul>
        </section>
      </div>
    </details>
  );
}

function Errors() {
  return (
    <section aria-labelledby="errors">
      <h2 id="errors" className="mb-2 scroll-mt-20 text-lg">
        {t('docs.errors')}
      </h2>
      <dl className="card divide-line divide-y">
        {ERROR_CODES.map(([code, status]) => (
          <div
            key={code}
            id={`error-${code}`}
            className="target:bg-tint flex scroll-mt-20 flex-wrap gap-x-4 px-4 py-2 text-sm"
          >
            <dt className="w-56 max-w-full">
              <code className="font-medium">{code}</code> <span className="text-soft text-xs">{status}</span>
            </dt>
            <dd>{t(`error.${code}`)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Contents({ api }: { api: OpenApi }) {
  // The place that the address names is there only now.
  useEffect(() => {
    const { hash } = window.location;
    if (!hash) return;
    const wanted = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (wanted instanceof HTMLDetailsElement) wanted.open = true;
    window.location.replace(hash);
  }, []);
  const tags = routesByTag(api);
  const about = new Map((api.tags ?? []).map(({ name, description }) => [name, description]));
  return (
    <div className="max-w-4xl space-y-8">
      <div className="space-y-3 text-sm">
        <Prose text={api.info.description} />
        <p>
          <a href="/openapi.json" className="link">
            /openapi.json
          </a>
        </p>
        <nav aria-label={t('docs.contents')} className="flex flex-wrap gap-x-4 gap-y-1">
          {[...tags.keys()].map((tag) => (
            <a key={tag} href={`#tag-${tag}`} className="link">
              {tag}
            </a>
          ))}
          <a href="#errors" className="link">
            {t('docs.errors')}
          </a>
          <a href="#schemas" className="link">
            {t('docs.schemas')}
          </a>
        </nav>
      </div>
      {[...tags].map(([tag, routes]) => (
        <section key={tag} aria-labelledby={`tag-${tag}`}>
          <h2 id={`tag-${tag}`} className="scroll-mt-20 text-lg">
            {tag}
          </h2>
          <p className="text-soft mb-2 text-sm">{about.get(tag)}</p>
          <div className="space-y-2">
            {routes.map((route) => (
              <Operation key={`${route.method} ${route.path}`} api={api} route={route} />
            ))}
          </div>
        </section>
      ))}
      <Errors />
      <section aria-labelledby="schemas">
        <h2 id="schemas" className="mb-2 scroll-mt-20 text-lg">
          {t('docs.schemas')}
        </h2>
        <div className="space-y-2">
          {Object.entries(api.components?.schemas ?? {}).map(([name, schema]) => (
            <div key={name} id={`schema-${name}`} className="card target:bg-tint scroll-mt-20 px-4 py-2.5">
              <h3 className="text-sm font-semibold">{name}</h3>
              {schema.description && <p className="text-soft text-xs">{schema.description}</p>}
              <Shape api={api} schema={schema} />
            </div>
          ))}
        </div>
      </section>
    </div>
  );
}

/** The description of the API, readable. */
export function DocsPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ['openapi'],
    queryFn: () => askOriginal<OpenApi>('/openapi.json'),
    staleTime: Infinity,
  });
  return (
    <Page title={t('docs.title')}>
      {error && <ErrorNote error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={6} />}
      {data && <Contents api={data} />}
    </Page>
  );
}
