import { type ReactNode, useRef } from 'react';

interface Props {
  label: string;
  question: string;
  children: ReactNode;
  onConfirm: () => void;
  disabled?: boolean;
}

/** A button that asks before it does what cannot be undone. */
export function Confirm({ label, question, children, onConfirm, disabled }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        className="button button-bad"
        disabled={disabled}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog
        ref={dialog}
        aria-label={question}
        className="card text-ink m-auto max-w-md p-5 backdrop:bg-black/50"
      >
        <h2>{question}</h2>
        <div className="text-soft mt-2 text-sm">{children}</div>
        <div className="mt-4 flex justify-end gap-2">
          <button type="button" className="button" autoFocus onClick={() => dialog.current?.close()}>
            Keep
          </button>
          <button
            type="button"
            className="button button-bad"
            onClick={() => {
              dialog.current?.close();
              onConfirm();
            }}
          >
            {label}
          </button>
        </div>
      </dialog>
    </>
  );
}
