import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from 'react';

interface Labelled {
  label: string;
  hint?: ReactNode;
  /** Only screen readers get the label; the field says it otherwise. */
  bare?: boolean;
  className?: string;
}

function Around({
  id,
  label,
  hint,
  bare,
  className = '',
  children,
}: Labelled & { id: string; children: ReactNode }) {
  return (
    <div className={`flex min-w-0 flex-col gap-1 ${className}`}>
      <label htmlFor={id} className={bare ? 'sr-only' : 'text-sm font-medium'}>
        {label}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="text-soft text-xs">
          {hint}
        </p>
      )}
    </div>
  );
}

export function Input({
  label,
  hint,
  bare,
  className,
  ...rest
}: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Around id={id} label={label} hint={hint} bare={bare} className={className}>
      <input {...rest} id={id} className="field w-full" aria-describedby={hint ? `${id}-hint` : undefined} />
    </Around>
  );
}

export function Select({
  label,
  hint,
  bare,
  className,
  options,
  ...rest
}: Labelled & SelectHTMLAttributes<HTMLSelectElement> & { options: readonly (readonly [string, string])[] }) {
  const id = useId();
  return (
    <Around id={id} label={label} hint={hint} bare={bare} className={className}>
      <select {...rest} id={id} className="field w-full" aria-describedby={hint ? `${id}-hint` : undefined}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Around>
  );
}

export const Check = ({ label, ...rest }: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) => (
  <label className="flex min-h-6 items-center gap-2 text-sm">
    <input {...rest} type="checkbox" className="accent-accent size-4 shrink-0" />
    {label}
  </label>
);
