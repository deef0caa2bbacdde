import type { Table } from '.';

export const search = {
  'search.title': ['Search', 'Suche'],
  'search.start': ['Whom are you looking for?', 'Wer wird gesucht?'],
  'search.start_text': [
    'Choose a picture, drop or paste one, or take one with the camera. It is not kept.',
    'Ein Bild auswählen, hereinziehen, einfügen oder mit der Kamera aufnehmen. Es wird nicht behalten.',
  ],
  'search.start_among': [
    { one: 'Facet finds the same face among {n} face.', other: 'Facet finds the same face among {n} faces.' },
    {
      one: 'Facet sucht das gleiche Gesicht unter {n} Gesicht.',
      other: 'Facet sucht das gleiche Gesicht unter {n} Gesichtern.',
    },
  ],
  'search.nothing_stored': ['There is nothing to search yet', 'Es gibt noch nichts zu durchsuchen'],
  'search.nothing_stored_text': [
    'Add pictures or videos to the library first. Their faces can be searched as soon as they are done.',
    'Zuerst Bilder oder Videos in die Bibliothek aufnehmen. Ihre Gesichter sind durchsuchbar, sobald sie fertig sind.',
  ],
  'search.choose': ['Choose a picture', 'Bild auswählen'],
  'search.camera': ['Camera', 'Kamera'],
  'search.again': ['Search again', 'Erneut suchen'],
  'search.searching': ['Searching …', 'Sucht …'],
  'search.query': ['What is searched', 'Wonach gesucht wird'],
  'search.found': ['What was found', 'Was gefunden wurde'],
  'search.photo_alt': ['The picture searched with: {name}', 'Das gesuchte Bild: {name}'],
  'search.stored_alt': ['The stored face searched with', 'Das gespeicherte Gesicht, nach dem gesucht wird'],
  'search.stored': ['A face of the library.', 'Ein Gesicht der Bibliothek.'],
  'search.its_picture': ['Its picture', 'Sein Bild'],
  'search.its_video': ['Its video', 'Sein Video'],
  'search.choose_face': ['choose the one to search', 'das gesuchte auswählen'],
  'search.all_faces': ['Search all of them', 'Alle suchen'],
  'search.poor': [
    'This face is {reasons}: results may be poor.',
    'Dieses Gesicht ist {reasons}: Die Ergebnisse können schlecht sein.',
  ],
  'search.none': ['No face is this alike', 'Kein Gesicht ist so ähnlich'],
  'search.searched': [
    { one: '{n} face searched in {time}.', other: '{n} faces searched in {time}.' },
    { one: '{n} Gesicht in {time} durchsucht.', other: '{n} Gesichter in {time} durchsucht.' },
  ],
  'search.weaker': [
    'Move the slider to the left to see weaker resemblances.',
    'Weiter links am Regler erscheinen schwächere Ähnlichkeiten.',
  ],
  'search.limited': ['Only the best {n} are shown.', 'Nur die besten {n} werden gezeigt.'],
  'search.results': ['Results', 'Ergebnisse'],
  'search.similar': [
    { one: '{n} near-duplicate', other: '{n} near-duplicates' },
    { one: '{n} fast gleiches Bild', other: '{n} fast gleiche Bilder' },
  ],
  'search.collapse': ['Fold near-duplicates', 'Fast gleiche Bilder zusammenfassen'],
  'search.other_faces': ['Also in this picture', 'Auch in diesem Bild'],
  'search.other_times': ['Also in this video', 'Auch in diesem Video'],
  'search.play': ['{span}: play {name}', '{span}: {name} abspielen'],
  'search.open': ['Open {name}', '{name} öffnen'],

  'level.match': ['Same person', 'Gleiche Person'],
  'level.likely': ['Likely', 'Wahrscheinlich'],
  'level.weak': ['Weak resemblance', 'Schwache Ähnlichkeit'],
  'threshold.label': ['Least likeness', 'Mindestähnlichkeit'],
  'threshold.value': ['{level}, cosine {value}, {results}', '{level}, Kosinus {value}, {results}'],
  'threshold.shown': ['{n} of {all} resembling faces', '{n} von {all} ähnlichen Gesichtern'],

  'camera.title': ['Take a picture', 'Bild aufnehmen'],
  'camera.take': ['Search with this', 'Damit suchen'],
  'camera.starting': ['The camera starts …', 'Die Kamera startet …'],
  'camera.insecure': [
    'Browsers give the camera only to pages over https or on this machine.',
    'Browser geben die Kamera nur an Seiten über https oder auf diesem Rechner frei.',
  ],
  'camera.denied': [
    'The browser or the system did not allow the camera.',
    'Browser oder System haben die Kamera nicht erlaubt.',
  ],
  'camera.missing': ['No camera was found.', 'Keine Kamera gefunden.'],
  'camera.instead': [
    'A picture file can be chosen instead.',
    'Stattdessen kann eine Bilddatei gewählt werden.',
  ],

  'saved.title': ['Saved searches', 'Gespeicherte Suchen'],
  'saved.save': ['Save this search', 'Diese Suche speichern'],
  'saved.name': ['Name of the search', 'Name der Suche'],
  'saved.hint': [
    'Kept are the vector of the face and the filters, not the picture. Everybody who may read can open it.',
    'Behalten werden der Vektor des Gesichts und die Filter, nicht das Bild. Wer lesen darf, kann sie öffnen.',
  ],
  'saved.done': ['Saved', 'Gespeichert'],
  'saved.delete': ['Delete the search “{name}”', 'Suche „{name}“ löschen'],
  'saved.delete_text': ['Its vector is removed with it.', 'Ihr Vektor wird mit entfernt.'],
  'saved.deleted': ['Search deleted', 'Suche gelöscht'],
  'share.copy': ['Copy the address of this search', 'Adresse dieser Suche kopieren'],
} as const satisfies Table;
