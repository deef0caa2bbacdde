import { type ReactNode, useState } from 'react';
import { t } from '../lib/i18n';
import { Dialog, DialogActions } from './dialog';

interface Props {
  label: ReactNode;
  question: string;
  /** What the button of the dialog says; the label, if that is a text. */
  action?: string;
  className?: string;
  disabled?: boolean;
  name?: string;
  children: ReactNode;
  onConfirm: () => void;
}

/** A button that asks before it does what cannot be undone. */
export function Confirm(props: Props) {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return (
    <>
      <button
        type="button"
        className={props.className ?? 'button button-bad'}
        disabled={props.disabled}
        aria-label={props.name}
        title={props.name}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </button>
      {open && (
        <Dialog title={props.question} onClose={close}>
          <div className="text-soft text-sm">{props.children}</div>
          <DialogActions>
            <button type="button" className="button" data-focus onClick={close}>
              {t('act.keep')}
            </button>
            <button
              type="button"
              className="button button-danger"
              onClick={() => {
                close();
                props.onConfirm();
              }}
            >
              {props.action ?? props.label}
            </button>
          </DialogActions>
        </Dialog>
      )}
    </>
  );
}
