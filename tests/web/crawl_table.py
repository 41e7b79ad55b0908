"""What everybody gets from each endpoint, by method, once its audience (tests/web/test_audience.py) has let them in.

A line: the endpoint, the method, the status inside, then who among those let in gets another one. Who is not let in is led to a
sign-in page or gets a 403 (tests/web/test_crawl.py::gate); a method that an address does not know is a 405.
"""

TABLE = """
accounts.check_mail                           GET  200
accounts.check_mail                           POST 422
accounts.open_link                            GET  200
accounts.settings                             GET  200
accounts.settings                             POST 303
accounts.sign_in                              GET  303  anonymous=200
accounts.sign_in                              POST 422
accounts.sign_out                             POST sign-in
accounts.use_link                             POST 422
accounts_address.address                      GET  200
accounts_address.address                      POST 422
accounts_address.answer_change                POST 422
accounts_address.show_change                  GET  200
accounts_address.show_undo                    GET  200
accounts_address.take_back                    POST 404
accounts_address.undo_change                  POST 422
accounts_devices.devices                      GET  200
accounts_devices.end_device                   POST 303
accounts_devices.end_other_devices            POST 303
accounts_mails.mails                          GET  200
accounts_mails.mails                          POST 303
accounts_mails.mails_off                      POST 422
accounts_mails.mails_on                       POST 200
accounts_mails.show_mails_off                 GET  200
accounts_mails.show_mails_on                  GET  200
accounts_privacy.ask_to_delete                POST 409  reader,patron=303
accounts_privacy.delete_account               GET  200
accounts_privacy.download_data                GET  200
accounts_privacy.keep_account                 POST 303
accounts_privacy.show_data                    GET  200
accounts_privacy.what_we_keep                 GET  200
articles.feed                                 GET  200
articles.foot_fragment                        GET  200
articles.home                                 GET  200
articles.older                                GET  404
articles.robots                               GET  200
articles.show_article                         GET  200
articles.show_text                            GET  200
articles.sitemap                              GET  200
articles_staff.edit_text                      GET  200
articles_staff.edit_text                      POST 422
articles_staff.list_texts                     GET  200
articles_staff.show_version                   GET  404
articles_staff.take_back_text                 POST 409
certificates.ballot_numbers                   GET  200
certificates.certificate_json                 GET  200
certificates.check_number                     GET  200
certificates.check_number                     POST 422
certificates.public_keys                      GET  200
certificates.show_certificate                 GET  200
credits.ledger                                GET  200
credits_staff.change_due                      POST 422
credits_staff.confirm_link                    GET  200
credits_staff.drop_story                      POST 422
credits_staff.link_story                      POST 303
credits_staff.list_stories                    GET  200
credits_staff.resume_story                    POST 409
credits_staff.show_story                      GET  200
credits_staff.unlink_story                    POST 409
health.healthz                                GET  200
health.readyz                                 GET  200
passkeys.accept_invitation                    POST 422
passkeys.confirm                              POST 422
passkeys.confirm_options                      POST 200
passkeys.finish_sign_in                       POST 422
passkeys.invitation_options                   POST 200
passkeys.list_passkeys                        GET  200
passkeys.make_recovery_codes                  POST 200
passkeys.new_passkey                          GET  200
passkeys.new_passkey                          POST 422
passkeys.new_passkey_options                  POST 200
passkeys.recover                              GET  200
passkeys.recover                              POST 422
passkeys.remove_passkey                       POST 404  admin=409
passkeys.rename_passkey                       GET  404  admin=200
passkeys.rename_passkey                       POST 404  admin=303
passkeys.show_invitation                      GET  200
passkeys.sign_in                              GET  303  anonymous,reader,patron=200
passkeys.sign_in_options                      POST 200
patronage.other_ways                          GET  200
patronage.start_checkout                      POST 422
patronage.support                             GET  200
patronage.support_return                      GET  404
patronage_account.amount                      GET  200
patronage_account.amount                      POST 200  patron=422
patronage_account.card                        GET  200
patronage_account.card                        POST 200  patron=303
patronage_account.card_done                   GET  200  patron=303
patronage_account.confirm_amount              GET  200  patron=303
patronage_account.confirm_amount              POST 200  patron=303
patronage_account.pause                       GET  200
patronage_account.pause                       POST 200  patron=422
patronage_account.resume                      POST 404  patron=303
patronage_account.revoke_links                POST 303
patronage_account.show_account                GET  200
patronage_account.stop                        GET  200
patronage_account.stop                        POST 200  patron=303
patronage_account.unpause                     POST 303
patronage_account.withdraw                    GET  404  patron=200
patronage_account.withdraw                    POST 404  patron=303
patronage_giving.free_seat                    GET  200
patronage_giving.free_seat                    POST 422
patronage_giving.free_seat_asked              GET  200
patronage_giving.gift                         GET  200
patronage_giving.gift_card                    GET  404
patronage_giving.redeem                       GET  200
patronage_giving.redeem                       POST 422
patronage_giving.seats                        GET  200
patronage_giving.start_gift                   POST 422
patronage_giving.start_seats                  POST 422
patronage_links.cancel_page                   GET  303  anonymous=200
patronage_links.cancel_page                   POST 422
patronage_links.cancel_sent                   GET  200
patronage_links.card                          GET  200
patronage_links.card                          POST 303
patronage_links.card_done                     GET  303
patronage_links.confirm_lower                 GET  303
patronage_links.confirm_lower                 POST 303
patronage_links.lower                         GET  200
patronage_links.lower                         POST 422
patronage_links.pause                         GET  200
patronage_links.pause                         POST 422
patronage_links.stop                          GET  200
patronage_links.stop                          POST 303
patronage_links.withdraw                      GET  200
patronage_links.withdraw                      POST 303
patronage_receipts.list_receipts              GET  200
patronage_receipts.receipts_csv               GET  200
patronage_receipts.show_receipt               GET  404  patron=200
patronage_staff.ask_stripe_again              POST 303
patronage_staff.grant_time                    GET  200
patronage_staff.grant_time                    POST 422
patronage_staff.list_disputes                 GET  200
patronage_staff.list_people                   GET  200
patronage_staff.people_csv                    GET  200
patronage_staff.refund                        GET  200
patronage_staff.refund                        POST 422
patronage_staff.resend_receipt                POST 303
patronage_staff.show_person                   GET  200
patronage_staff.stop_support                  GET  200
patronage_staff.stop_support                  POST 422
patronage_staff.write_note                    POST 422
patronage_staff_address.change_address        GET  200
patronage_staff_address.change_address        POST 422
patronage_staff_address.take_back_address     POST 303
patronage_staff_giving.decide_seat            POST 303
patronage_staff_giving.list_seats             GET  200
patronage_staff_money.check                   POST 303
patronage_staff_money.close_stripe            POST 422
patronage_staff_money.compare                 POST 303
patronage_staff_money.money                   GET  200
patronage_staff_money.reopen_stripe           POST 409
patronage_staff_patreon.apply_patreon         POST 303
patronage_staff_patreon.discard_patreon       POST 303
patronage_staff_patreon.show_patreon          GET  200
patronage_staff_patreon.upload_patreon        POST 422
patronage_staff_transfers.dismiss_transfer    POST 422
patronage_staff_transfers.list_transfers      GET  200
patronage_staff_transfers.match_transfer      POST 422
patronage_staff_transfers.move_transfer       POST 422
patronage_staff_transfers.new_contribution    GET  200
patronage_staff_transfers.new_contribution    POST 422
patronage_staff_transfers.show_transfer       GET  200
patronage_staff_transfers.upload_statement    POST 422
patronage_transfer.transfer                   GET  200
patronage_transfer.transfer                   POST 200
patronage_twins.decide_twin                   POST 422
patronage_twins.show_twin                     GET  200
results.feed                                  GET  200
results.result_csv                            GET  200
results.result_json                           GET  200
roles.change_roles                            POST 422
roles.end_employment                          POST 422
roles.invitations                             GET  200
roles.invite                                  POST 422
roles.list_roles                              GET  200
roles.resend_invitation                       POST 303
roles.revoke_invitation                       POST 303
roles.show_person                             GET  200
staff.audit_all_csv                           GET  200
staff.audit_csv                               GET  200
staff.audit_trail                             GET  200
staff.dead_letters                            GET  200
staff.desk                                    GET  200
staff.figures                                 GET  200
staff.retry_letter                            POST 303
staff.stripe_events                           GET  200
static                                        GET  200
topics.feed                                   GET  200
topics.list_topics                            GET  200
topics.show_topic                             GET  200
topics.similar                                GET  403  patron=200
topics.suggest_topic                          GET  200
topics.suggest_topic                          POST 403  patron=422
topics.support_topic                          POST 403  patron=303
topics.take_back_suggestion                   POST 404
topics.unsupport_topic                        POST 303
topics_staff.add_topic                        GET  200
topics_staff.add_topic                        POST 422
topics_staff.decide_topic                     POST 422
topics_staff.list_topics                      GET  200
topics_staff.merge_topic                      GET  200
topics_staff.merge_topic                      POST 422
topics_staff.reword_topic                     GET  200
topics_staff.reword_topic                     POST 303
topics_staff.shortlist_topics                 POST 303
topics_staff.show_topic                       GET  200
topics_staff.topics_csv                       GET  200
topics_staff.unmerge_topic                    POST 409
voting.cast_ballot                            POST 403  patron=422
voting.list_rounds                            GET  200
voting.show_round                             GET  200
voting.who_sees_what                          GET  200
voting.withdraw_ballot                        POST 403  patron=303
voting_box.check_box                          POST 409
voting_box.confirm_check                      POST 409
voting_box.show_box                           GET  200
voting_box.take_back_check                    POST 409
voting_staff.close_round                      POST 422
voting_staff.confirm_voiding                  POST 409
voting_staff.create_round                     GET  200
voting_staff.create_round                     POST 422
voting_staff.drop_round                       POST 409
voting_staff.edit_round                       GET  409
voting_staff.edit_round                       POST 409
voting_staff.extend_round                     POST 422
voting_staff.list_rounds                      GET  200
voting_staff.open_round                       POST 303
voting_staff.preview_ballot                   GET  200
voting_staff.rounds_csv                       GET  200
voting_staff.schedule_round                   POST 409
voting_staff.show_round                       GET  200
voting_staff.take_back_voiding                POST 409
voting_staff.unschedule_round                 POST 409
voting_staff.void_round                       POST 422
voting_staff.withdraw_topic                   POST 422
voting_count.count_csv                        GET  200
voting_count.count_json                       GET  200
voting_count.open_box                         POST 409
voting_count.publish                          POST 409
voting_count.recount                          POST 303
voting_count.show_count                       GET  200
webhooks.receive_event                        POST 400
"""
