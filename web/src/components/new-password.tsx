import { t } from '../lib/i18n';
import { Input } from './field';

const LEAST = 10; // characters, as the server asks for

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** The field in which a password is chosen. */
export const NewPassword = ({ onChange, ...rest }: Props) => (
  <Input
    hint={t('password.hint', { n: LEAST })}
    type="password"
    autoComplete="new-password"
    required
    minLength={LEAST}
    onChange={(event) => onChange(event.target.value)}
    {...rest}
  />
);
