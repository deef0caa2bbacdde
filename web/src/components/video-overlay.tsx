import type { Media } from '../api/schema.gen';
import { type Lane, laneColour, placeAt, spanOf } from '../lib/appearances';
import { useCell } from '../lib/cell';
import { t } from '../lib/i18n';
import type { Playback } from '../lib/playback';
import { Mark } from './boxed-photo';
import { FaceNote } from './face-about';

const CONTROLS = '4.5rem'; // of a browser's player, along its lower edge

interface Props {
  media: Media;
  lanes: readonly Lane[];
  playback: Playback;
  chosen: string | null;
  /** Whether the player's controls lie under the boxes. */
  controls: boolean;
  onChoose: (face: string) => void;
}

/** A box for each face that is on screen at the time of the playback. */
export function VideoOverlay({ media, lanes, playback, chosen, controls, onChoose }: Props) {
  const now = useCell(playback.clock);
  return lanes.flatMap((lane) =>
    lane.items.map((item) => {
      const { start } = spanOf(item);
      const place = start <= now ? placeAt(item.path, now, media) : null;
      if (!place) return null;
      const { face } = item;
      return (
        <Mark
          key={face.id}
          reach={controls ? `calc(${((1 - place.top) * 100).toFixed(2)}cqh - ${CONTROLS} + 2px)` : undefined}
          mark={{
            key: face.id,
            label: t('video.search', { name: lane.name }),
            place,
            chosen: face.id === chosen,
            tag: { text: lane.name, colour: laneColour(lane) },
            onChoose: () => onChoose(face.id),
            note: <FaceNote face={face} name={lane.name} />,
          }}
        />
      );
    }),
  );
}
