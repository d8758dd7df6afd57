import { loadConfig } from '../config/load-config';
import { hiddenPlaces } from './hidden-places';

const GIVEN = { DATA_DIR: '/var/data', LOG_DIR: '/var/log', BACKUP_DIR: '/backup', LOG_FILE: '/var/app.log' };

describe('what tools must not see of us', () => {
  it('is our data, our backups, our logs, and the settings in our working directory', () => {
    expect(hiddenPlaces(loadConfig({ ...GIVEN, DATABASE_URL: 'postgresql://db/mcps' }), '/srv')).toEqual({
      folders: ['/var/data', '/backup', '/var/log'],
      files: ['/var/app.log', '/srv/.env'],
    });
  });

  it('is a SQLite database, too, wherever it is', () => {
    const { files } = hiddenPlaces(loadConfig({ ...GIVEN, DATABASE_URL: 'sqlite:////elsewhere/mcps.db' }), '/srv');
    expect(files).toEqual(expect.arrayContaining(['/elsewhere/mcps.db', '/elsewhere/mcps.db-wal']));
  });
});
