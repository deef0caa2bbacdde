import { useEffect, useRef, useState } from 'react';
import { t } from '../lib/i18n';
import { Dialog, DialogActions } from './dialog';
import { Icon } from './icon';

type Problem = 'insecure' | 'denied' | 'missing';

const problemOf = (error: unknown): Problem =>
  error instanceof DOMException && ['NotFoundError', 'OverconstrainedError'].includes(error.name)
    ? 'missing'
    : 'denied';

interface Props {
  onTaken: (photo: File) => void;
  onClose: () => void;
}

/** A picture of now; when there is no camera, it says why and what to do instead. */
export function CameraDialog({ onTaken, onClose }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState<Problem | null>(() =>
    'mediaDevices' in navigator ? null : 'insecure',
  );
  const [ready, setReady] = useState(false);

  useEffect(() => {
    if (!('mediaDevices' in navigator)) return;
    let stream: MediaStream | null = null;
    let left = false;
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    navigator.mediaDevices
      .getUserMedia({ video: { width: { ideal: 1280 } }, audio: false })
      .then((given) => {
        stream = given;
        if (left) stop();
        else if (video.current) video.current.srcObject = given;
      })
      .catch((error: unknown) => setProblem(problemOf(error)));
    return () => {
      left = true;
      stop();
    };
  }, []);

  const take = () => {
    const from = video.current;
    if (!from) return;
    const canvas = document.createElement('canvas');
    canvas.width = from.videoWidth;
    canvas.height = from.videoHeight;
    canvas.getContext('2d')?.drawImage(from, 0, 0);
    canvas.toBlob(
      (blob) => blob && onTaken(new File([blob], 'camera.jpg', { type: 'image/jpeg' })),
      'image/jpeg',
      0.92,
    );
  };
  return (
    <Dialog title={t('camera.title')} wide onClose={onClose}>
      {problem ? (
        <p role="alert" className="text-sm">
          <span className="text-bad block font-medium">{t(`camera.${problem}`)}</span>
          {t('camera.instead')}
        </p>
      ) : (
        <div className="bg-page relative aspect-[4/3] overflow-hidden rounded">
          <video
            ref={video}
            autoPlay
            muted
            playsInline
            className="size-full -scale-x-100 object-contain"
            onLoadedData={() => setReady(true)}
          />
          {!ready && (
            <p role="status" className="text-soft absolute inset-0 grid place-items-center text-sm">
              {t('camera.starting')}
            </p>
          )}
        </div>
      )}
      <DialogActions>
        <button type="button" className="button" onClick={onClose}>
          {t('act.close')}
        </button>
        {!problem && (
          <button type="button" className="button button-main" disabled={!ready} onClick={take}>
            <Icon name="camera" />
            {t('camera.take')}
          </button>
        )}
      </DialogActions>
    </Dialog>
  );
}
