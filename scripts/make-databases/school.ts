import { FIRST_NAMES, LAST_NAMES } from './names.ts';
import type { Cell, SampleDatabase } from './sample-database.ts';
import { dayNumber, isoDate, round, Seeded } from './seeded.ts';

const SUBJECTS = [
  ['Mathematics', 'Sciences'],
  ['English', 'Languages'],
  ['Spanish', 'Languages'],
  ['Biology', 'Sciences'],
  ['Physics', 'Sciences'],
  ['History', 'Humanities'],
  ['Geography', 'Humanities'],
  ['Art', 'Arts'],
  ['Music', 'Arts'],
  ['Sports', 'Sports'],
] as const;

const TOWNS = ['Ashford', 'Millbrook', 'Lakeside', 'Northfield', 'Oakridge', 'Stonebridge'];
const CLUBS = [
  ['Chess Club', 'Monday'],
  ['Choir', 'Tuesday'],
  ['Robotics', 'Wednesday'],
  ['Drama', 'Thursday'],
  ['School Newspaper', 'Friday'],
  ['Climbing', 'Wednesday'],
] as const;

/** One school year, 2024-09-02 to 2025-06-27. */
export function school(): SampleDatabase {
  const random = new Seeded(1101);
  const used = new Set<string>();
  const person = (): [first: string, last: string] => {
    for (;;) {
      const first = random.pick(FIRST_NAMES);
      const last = random.pick(LAST_NAMES);
      if (used.has(`${first} ${last}`)) continue;
      used.add(`${first} ${last}`);
      return [first, last];
    }
  };

  const teachers: Cell[][] = [];
  for (let id = 1; id <= 24; id++) {
    const [first, last] = person();
    const email = random.chance(0.9) ? `${first}.${last}@school.example`.toLowerCase() : null;
    teachers.push([
      id,
      first,
      last,
      email,
      isoDate(random.integer(dayNumber('1996-08-01'), dayNumber('2024-08-01'))),
      ((id - 1) % SUBJECTS.length) + 1,
    ]);
  }

  const classes: Cell[][] = [];
  const students: Cell[][] = [];
  const talent = new Map<number, number>();
  for (let year = 5; year <= 10; year++) {
    for (const letter of ['A', 'B']) {
      const classId = classes.length + 1;
      classes.push([classId, `${year}${letter}`, year, classId * 2 - 1, 100 + classId]);
      const size = random.integer(19, 25);
      for (let seat = 0; seat < size; seat++) {
        const [first, last] = person();
        const id = students.length + 1;
        const birth = isoDate(random.integer(dayNumber(`${2024 - 6 - year}-09-01`), dayNumber(`${2025 - 6 - year}-08-31`)));
        const leaves = random.chance(0.03);
        students.push([
          id,
          first,
          last,
          birth,
          random.pickSkewed(TOWNS),
          leaves && random.chance(0.5) ? null : classId,
          `${2024 - random.integer(0, year - 5)}-09-02`,
          leaves ? isoDate(random.integer(dayNumber('2025-02-01'), dayNumber('2025-06-20'))) : null,
        ]);
        talent.set(id, random.bell(35, 100));
      }
    }
  }

  const courses: Cell[][] = [];
  const coursesOfClass = new Map<Cell, number[]>();
  for (const [classId] of classes) {
    SUBJECTS.forEach((_, index) => {
      const fitting = teachers.filter((teacher) => teacher[5] === index + 1);
      const id = courses.length + 1;
      courses.push([id, index + 1, classId ?? null, random.pick(fitting)[0] ?? null, random.integer(1, 4)]);
      coursesOfClass.set(classId ?? null, [...(coursesOfClass.get(classId ?? null) ?? []), id]);
    });
  }

  const enrolments: Cell[][] = [];
  const grades: Cell[][] = [];
  for (const student of students) {
    const studentId = Number(student[0]);
    for (const courseId of coursesOfClass.get(student[5] ?? null) ?? []) {
      // Art or Music is a choice: of those two, one.
      const subject = (courseId - 1) % SUBJECTS.length;
      if (subject === (studentId % 2 === 0 ? 7 : 8)) continue;
      enrolments.push([studentId, courseId, '2024-09-02']);
      for (const [kind, from, to] of [
        ['test', '2024-10-07', '2024-11-29'],
        ['test', '2025-02-03', '2025-03-28'],
        ['project', '2025-04-07', '2025-05-30'],
      ] as const) {
        const score = Math.max(0, Math.min(100, (talent.get(studentId) ?? 60) + random.bell(-30, 30)));
        grades.push([
          grades.length + 1,
          studentId,
          courseId,
          kind,
          isoDate(random.integer(dayNumber(from), dayNumber(to))),
          random.chance(0.03) ? null : round(score, 0),
        ]);
      }
    }
  }

  const absences: Cell[][] = [];
  for (const [studentId] of students) {
    const count = Math.floor(random.next() ** 3 * 12);
    for (let index = 0; index < count; index++) {
      const excused = random.chance(0.85);
      absences.push([
        absences.length + 1,
        studentId ?? null,
        isoDate(random.integer(dayNumber('2024-09-03'), dayNumber('2025-06-26'))),
        excused ? random.pick(['ill', 'ill', 'ill', 'doctor', 'family']) : null,
        excused ? 1 : 0,
      ]);
    }
  }

  const members: Cell[][] = [];
  CLUBS.forEach((_, club) => {
    const all = random.sample(students, random.integer(12, 30)).sort((one, other) => Number(one[0]) - Number(other[0]));
    for (const [studentId] of all)
      members.push([club + 1, studentId ?? null, isoDate(random.integer(dayNumber('2024-09-09'), dayNumber('2025-01-31')))]);
  });

  return {
    id: 'school',
    title: 'School',
    description: 'A school year in twelve classes: students, teachers, courses, grades, absences and clubs.',
    tables: [
      {
        name: 'subjects',
        definition: ['subject_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL', 'department TEXT NOT NULL'],
        rows: SUBJECTS.map(([name, department], index) => [index + 1, name, department]),
      },
      {
        name: 'teachers',
        definition: [
          'teacher_id INTEGER PRIMARY KEY',
          'first_name TEXT NOT NULL',
          'last_name TEXT NOT NULL',
          'email TEXT',
          'hired_on DATE NOT NULL',
          'subject_id INTEGER NOT NULL REFERENCES subjects (subject_id)',
        ],
        rows: teachers,
      },
      {
        name: 'classes',
        definition: [
          'class_id INTEGER PRIMARY KEY',
          'name TEXT NOT NULL',
          'year INTEGER NOT NULL',
          'class_teacher_id INTEGER REFERENCES teachers (teacher_id)',
          'room INTEGER NOT NULL',
        ],
        rows: classes,
      },
      {
        name: 'students',
        definition: [
          'student_id INTEGER PRIMARY KEY',
          'first_name TEXT NOT NULL',
          'last_name TEXT NOT NULL',
          'birth_date DATE NOT NULL',
          'town TEXT NOT NULL',
          'class_id INTEGER REFERENCES classes (class_id)',
          'joined_on DATE NOT NULL',
          'left_on DATE',
        ],
        rows: students,
      },
      {
        name: 'courses',
        definition: [
          'course_id INTEGER PRIMARY KEY',
          'subject_id INTEGER NOT NULL REFERENCES subjects (subject_id)',
          'class_id INTEGER NOT NULL REFERENCES classes (class_id)',
          'teacher_id INTEGER REFERENCES teachers (teacher_id)',
          'hours_per_week INTEGER NOT NULL',
        ],
        rows: courses,
      },
      {
        name: 'enrolments',
        definition: [
          'student_id INTEGER NOT NULL REFERENCES students (student_id)',
          'course_id INTEGER NOT NULL REFERENCES courses (course_id)',
          'enrolled_on DATE NOT NULL',
          'PRIMARY KEY (student_id, course_id)',
        ],
        rows: enrolments,
      },
      {
        name: 'grades',
        definition: [
          'grade_id INTEGER PRIMARY KEY',
          'student_id INTEGER NOT NULL',
          'course_id INTEGER NOT NULL',
          'kind TEXT NOT NULL',
          'graded_on DATE NOT NULL',
          'points INTEGER',
          'FOREIGN KEY (student_id, course_id) REFERENCES enrolments (student_id, course_id)',
        ],
        rows: grades,
      },
      {
        name: 'absences',
        definition: [
          'absence_id INTEGER PRIMARY KEY',
          'student_id INTEGER NOT NULL REFERENCES students (student_id)',
          'absent_on DATE NOT NULL',
          'reason TEXT',
          'excused INTEGER NOT NULL',
        ],
        rows: absences,
      },
      {
        name: 'clubs',
        definition: ['club_id INTEGER PRIMARY KEY', 'name TEXT NOT NULL', 'meets_on TEXT NOT NULL'],
        rows: CLUBS.map(([name, day], index) => [index + 1, name, day]),
      },
      {
        name: 'club_members',
        definition: [
          'club_id INTEGER NOT NULL REFERENCES clubs (club_id)',
          'student_id INTEGER NOT NULL REFERENCES students (student_id)',
          'joined_on DATE NOT NULL',
          'PRIMARY KEY (club_id, student_id)',
        ],
        rows: members,
      },
    ],
    questions: [
      { question: 'How many students are there?', reference: 'SELECT count(*) FROM students', template: true },
      {
        question: 'What is the average number of points in each subject?',
        reference:
          'SELECT subjects.name, avg(grades.points) FROM grades JOIN courses ON grades.course_id = courses.course_id JOIN subjects ON courses.subject_id = subjects.subject_id GROUP BY subjects.name',
        template: true,
      },
      {
        question: 'Show the number of students in each class.',
        reference: 'SELECT classes.name, count(*) FROM students JOIN classes ON students.class_id = classes.class_id GROUP BY classes.name',
        template: true,
      },
      { question: 'Which students live in Lakeside?', reference: "SELECT first_name, last_name FROM students WHERE town = 'Lakeside'" },
      {
        question: 'Which teacher was hired first?',
        reference: 'SELECT first_name, last_name FROM teachers ORDER BY hired_on LIMIT 1',
      },
      {
        question: 'Which students are in the Chess Club?',
        reference:
          "SELECT students.first_name, students.last_name FROM students JOIN club_members ON students.student_id = club_members.student_id JOIN clubs ON club_members.club_id = clubs.club_id WHERE clubs.name = 'Chess Club'",
      },
      {
        question: 'Who are the five students with the most absences?',
        reference:
          'SELECT students.first_name, students.last_name, count(*) FROM absences JOIN students ON absences.student_id = students.student_id GROUP BY students.student_id ORDER BY count(*) DESC LIMIT 5',
      },
      {
        question: 'Which students have never been absent?',
        reference: 'SELECT first_name, last_name FROM students WHERE student_id NOT IN (SELECT student_id FROM absences)',
      },
    ],
  };
}
