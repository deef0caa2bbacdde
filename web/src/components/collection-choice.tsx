import { t } from '../lib/i18n';
import { useCollections } from '../lib/queries';
import { Check } from './field';

/** All collections (null), or some. */
export function CollectionChoice({
  chosen,
  onChange,
}: {
  chosen: string[] | null;
  onChange: (chosen: string[] | null) => void;
}) {
  const { data } = useCollections();
  return (
    <fieldset className="space-y-1">
      <legend className="mb-1 text-sm font-medium">{t('system.nav.collections')}</legend>
      <Check
        label={t('filter.any_collection')}
        checked={chosen === null}
        onChange={(event) => onChange(event.target.checked ? null : [])}
      />
      {chosen !== null &&
        data?.items.map(({ name, title }) => (
          <Check
            key={name}
            label={title || name}
            checked={chosen.includes(name)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, name] : chosen.filter((one) => one !== name))
            }
          />
        ))}
    </fieldset>
  );
}
