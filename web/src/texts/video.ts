import type { Table } from '.';

export const video = {
  'video.person': ['Person {n}', 'Person {n}'],
  'video.who': ['Who is person {n}?', 'Wer ist Person {n}?'],
  'video.is': ['This is {name}', 'Das ist {name}'],
  'video.name_all': [
    { one: '{n} more time is {name}, too', other: '{n} more times are {name}, too' },
    { one: '{n} weiterer Auftritt ist auch {name}', other: '{n} weitere Auftritte sind auch {name}' },
  ],
  'video.people': ['People', 'Personen'],
  'video.timeline': ['Timeline', 'Zeitachse'],
  'video.lanes': ['People over time', 'Personen im Zeitverlauf'],
  'video.bar': ['{name}, {from} to {to}', '{name}, {from} bis {to}'],
  'video.times': ['When {name} is on screen', 'Wann {name} zu sehen ist'],
  'video.show': ['{span}: show {name}', '{span}: {name} zeigen'],
  'video.search': ['Search {name}', '{name} suchen'],
  'video.search_time': ['Search {name}, {from} to {to}', '{name} suchen, {from} bis {to}'],
  'video.delete': ['Delete {name}, {from} to {to}', '{name} löschen, {from} bis {to}'],
  'video.delete_question': ['Delete {name}, {from} to {to}?', '{name} löschen, {from} bis {to}?'],
  'video.delete_text': [
    'It will no longer be found. The video stays.',
    'Es wird nicht mehr gefunden. Das Video bleibt.',
  ],
  'video.boxes': ['Boxes over the picture', 'Rahmen über dem Bild'],
  'video.position': ['Position', 'Stelle'],
  'video.frame': ['{name} at {time}', '{name} bei {time}'],
  'video.frame_failed': [
    'This frame could not be read from the file.',
    'Dieses Einzelbild war aus der Datei nicht lesbar.',
  ],
  'video.unplayable': [
    'This browser cannot play the format. Facet shows it frame by frame.',
    'Dieser Browser kann das Format nicht abspielen. Facet zeigt es Bild für Bild.',
  ],
  'video.download': ['Download the video', 'Video herunterladen'],
  'video.no_faces': ['Facet saw no face in this video.', 'Facet sah in diesem Video kein Gesicht.'],
  'video.progress': ['{percent}, {done} of {all}', '{percent}, {done} von {all}'],
  'video.progress_of': ['Looking for faces in {name}', 'Sucht Gesichter in {name}'],
} as const satisfies Table;
