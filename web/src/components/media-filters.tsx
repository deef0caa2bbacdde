import { useEffect, useState } from 'react';
import { type Filter, MEDIA_TYPES } from '../lib/filters';
import { t } from '../lib/i18n';
import { useCollections, usePeople } from '../lib/queries';
import { Input, Select } from './field';

const TYPING_MS = 300;

interface TextProps {
  label: string;
  value: string;
  bare?: boolean;
  search?: boolean;
  className?: string;
  onChange: (value: string) => void;
}

/** Tells what is typed when the typing pauses. */
export function TextFilter({ label, value, bare, search, className, onChange }: TextProps) {
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  if (value !== told) {
    // changed elsewhere: the address, or "clear"
    setTold(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => {
      setTold(typed.trim());
      onChange(typed.trim());
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <Input
      label={label}
      bare={bare}
      className={className}
      placeholder={bare ? label : undefined}
      type={search ? 'search' : 'text'}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}

/** What narrows the library and the search alike. */
export function CommonFilters({
  filter,
  onChange,
}: {
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
}) {
  const { data: collections } = useCollections();
  const { data: people } = usePeople();
  const named = collections?.items ?? [];
  return (
    <>
      {named.length > 1 && (
        <Select
          label={t('filter.collection')}
          value={filter.collection}
          onChange={(event) => onChange({ collection: event.target.value })}
          options={[
            ['', t('filter.any_collection')],
            ...named.map(({ name, title }) => [name, title || name] as const),
          ]}
        />
      )}
      {people && people.items.length > 0 && (
        <Select
          label={t('filter.person')}
          value={filter.person_id}
          onChange={(event) => onChange({ person_id: event.target.value })}
          options={[['', t('filter.anyone')], ...people.items.map(({ id, name }) => [id, name] as const)]}
        />
      )}
      <Select
        label={t('filter.media_type')}
        value={filter.media_type}
        onChange={(event) => onChange({ media_type: event.target.value })}
        options={[
          ['', t('filter.any_type')],
          ...MEDIA_TYPES.map((type) => [type, t(`type.${type}`)] as const),
        ]}
      />
      <Input
        label={t('filter.taken_from')}
        type="date"
        value={filter.taken_from}
        max={filter.taken_to || undefined}
        onChange={(event) => onChange({ taken_from: event.target.value })}
      />
      <Input
        label={t('filter.taken_to')}
        type="date"
        value={filter.taken_to}
        min={filter.taken_from || undefined}
        onChange={(event) => onChange({ taken_to: event.target.value })}
      />
      <TextFilter label={t('filter.path')} value={filter.path} onChange={(path) => onChange({ path })} />
    </>
  );
}
