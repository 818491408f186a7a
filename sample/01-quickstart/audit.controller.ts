import { Controller, ForbiddenException, Get, Req, UseGuards } from '@nestjs/common';
import { type AuditReport, SecurityAudit, TlsGuard } from 'nestjs-semantic-events';
import { type AuthenticatedRequest, BearerGuard } from './bearer.guard.js';

@Controller('security')
@UseGuards(TlsGuard, BearerGuard)
export class AuditController {
  constructor(private readonly audit: SecurityAudit) {}

  /** The production checklist, for admins. */
  @Get('audit')
  report(@Req() { user }: AuthenticatedRequest): AuditReport {
    if (!user.roles?.includes('admin')) throw new ForbiddenException();
    return this.audit.run();
  }
}
