import { Controller, Get, UseGuards } from '@nestjs/common';
import { type AuditReport, SecurityAudit, TlsGuard } from 'nestjs-semantic-events';
import { AdminGuard } from './admin.guard.js';

@Controller('security')
@UseGuards(TlsGuard, AdminGuard)
export class AuditController {
  constructor(private readonly audit: SecurityAudit) {}

  /** Returns the production checklist, for admins only. */
  @Get('audit')
  report(): AuditReport {
    return this.audit.run();
  }
}
